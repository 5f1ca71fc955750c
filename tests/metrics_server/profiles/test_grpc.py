"""One rule for the statuses of gRPC, in every profile that reads one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from metrics_server.profiles import loading, schema
from metrics_server.profiles.schema import Outcome

_NAMES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
    "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
_FAILURES = {2, 4, 12, 13, 14, 15}
_LABELS: Mapping[str, str] = {
    "istio": "grpc_response_status",
    "gloo-mesh": "grpc_response_status",
    "envoy-access-log": "grpc_status",
    "linkerd": "grpc_status",
    "csm": "grpc_status",
    "dapr": "status",
    "traefik": "code",
}
"""The label with the status, by profile."""
_BY_NAME = frozenset({"csm"})
_HTTP: Mapping[str, Mapping[str, str]] = {
    "istio": {"response_code": "200"},
    "gloo-mesh": {"response_code": "200"},
    "envoy-access-log": {"response_code": "200"},
    "linkerd": {"status_code": "200", "classification": "success"},
}
"""The other labels of a request whose gRPC status is not 0."""


def _views(name: str) -> Iterator[schema.SideSeries]:
    """The views that read a status."""
    (mesh,) = [one for one in loading.shipped() if one.name == name]
    return (view for view in mesh.views if _LABELS[name] in view.deciding_labels)


def _expected(status: int) -> Outcome:
    if status in _FAILURES:
        return Outcome.FAILURE
    return Outcome.CLIENT_ERROR if status else Outcome.SUCCESS


@pytest.mark.parametrize("status", range(len(_NAMES)), ids=_NAMES)
@pytest.mark.parametrize("name", _LABELS)
def test_a_status_has_the_same_outcome_in_every_mesh(name: str, status: int) -> None:
    expected = _expected(status)
    if (name, status) == ("traefik", 2):
        expected = Outcome.SUCCESS
    labels = dict(_HTTP.get(name, {}))
    if name == "linkerd" and status in _FAILURES - {12}:
        labels["classification"] = "failure"
    labels[_LABELS[name]] = _NAMES[status] if name in _BY_NAME else str(status)
    found = {view.became({"__name__": view.counters[0], **labels}) for view in _views(name)}
    assert found == {expected}


@pytest.mark.parametrize("status", range(len(_NAMES)), ids=_NAMES)
def test_linkerd_is_read_alike_if_it_names_the_status(status: int) -> None:
    classified = "failure" if status in _FAILURES - {12} else "success"
    labels = {"status_code": "200", "classification": classified, "grpc_status": _NAMES[status]}
    assert {view.became(labels) for view in _views("linkerd")} == {_expected(status)}


def test_what_a_mesh_calls_a_failure_stays_one() -> None:
    labels = {"status_code": "200", "classification": "failure", "grpc_status": "5"}
    assert {view.became(labels) for view in _views("linkerd")} == {Outcome.FAILURE}


@pytest.mark.parametrize("name", ["istio", "gloo-mesh", "envoy-access-log"])
@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("503", "", Outcome.FAILURE),
        ("503", "5", Outcome.FAILURE),
        ("0", "1", Outcome.FAILURE),
        ("200", "", Outcome.SUCCESS),
        ("200", "17", Outcome.FAILURE),
        ("404", "", Outcome.CLIENT_ERROR),
        ("404", "12", Outcome.FAILURE),
    ],
)
def test_the_status_of_http_counts_too(name: str, code: str, status: str, expected: Outcome) -> None:
    labels = {"response_code": code, _LABELS[name]: status}
    assert {view.became(labels) for view in _views(name)} == {expected}


@pytest.mark.parametrize("name", ["csm"])
def test_a_status_that_grpc_does_not_define_is_a_failure(name: str) -> None:
    assert {view.became({_LABELS[name]: "NO_SUCH_STATUS"}) for view in _views(name)} == {Outcome.FAILURE}


def test_every_profile_with_a_label_of_grpc_is_in_this_list() -> None:
    reading = {
        mesh.name
        for mesh in loading.shipped()
        for view in mesh.views
        if any("grpc" in label and "status" in label for label in view.deciding_labels)
    }
    assert reading <= set(_LABELS)
