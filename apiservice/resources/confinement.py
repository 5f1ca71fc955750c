"""The last check of an answer before it is sent: each row belongs to the namespace that was authorized.

Routes and providers must already ensure this. If a row of another namespace is found, this server has a
defect, and the client gets a 500 in place of the answer.
"""

from collections.abc import Sequence

from apiservice.resources import declaration, router


def check(rows: Sequence[declaration.Row], *, endpoint: router.Endpoint, within: str | None) -> None:
    """Raises `RuntimeError` if a row names another namespace than `within`; `None` allows all.

    Rows that `filtering` has selected are sorted by namespace, so only the first and the last are checked.
    """
    if within is None or not rows:
        return
    if endpoint.selects:
        _check_objects((rows[0], rows[-1]), endpoint=endpoint, within=within)
    else:
        _check_values(rows, within=within)


def _check_objects(rows: Sequence[declaration.Row], *, endpoint: router.Endpoint, within: str) -> None:
    is_whole = endpoint.resource == router.NAMESPACES and endpoint.subresource is None
    for row in rows:
        metadata = row.object["metadata"]
        home = metadata.get("name" if is_whole else "namespace")
        if home != within and (home or endpoint.namespaced):
            raise _defect(home, within=within)


def _check_values(rows: Sequence[declaration.Row], *, within: str) -> None:
    for row in rows:
        described = row.object.get("describedObject")
        if described is None or described.get("namespace") == within:
            continue
        if described["kind"] != "Namespace" or described["name"] != within:
            raise _defect(described.get("namespace"), within=within)


def _defect(home: str | None, *, within: str) -> RuntimeError:
    return RuntimeError(f"an answer about namespace {within!r} has a row of {home!r}")
