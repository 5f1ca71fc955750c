"""The last look at an answer: each of its rows is of the namespace that was authorized.

Routes and providers see to that. Should one of them err, the answer is a defect and never leaves: nothing
that a client sends may bring it about.
"""

from collections.abc import Sequence

from apiservice.resources import declaration, router


def check(rows: Sequence[declaration.Row], *, endpoint: router.Endpoint, within: str | None) -> None:
    """Raises RuntimeError for a row of another namespace, where a row says of which it is. `None` means all.

    Objects that the kit selects are sorted by namespace: if the first and the last are right, so are all.
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
            raise _stray(home, within=within)


def _check_values(rows: Sequence[declaration.Row], *, within: str) -> None:
    for row in rows:
        described = row.object.get("describedObject")
        if described is None or described.get("namespace") == within:
            continue
        if described["kind"] != "Namespace" or described["name"] != within:
            raise _stray(described.get("namespace"), within=within)


def _stray(home: str | None, *, within: str) -> RuntimeError:
    return RuntimeError(f"an answer about namespace {within!r} has a row of {home!r}")
