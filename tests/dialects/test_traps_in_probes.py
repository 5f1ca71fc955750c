"""Trap 16: requests that are no traffic, and number 17: requests that only the caller's route reports."""

from __future__ import annotations

import pytest

from metrics_server.inventory import objects
from metrics_server.model import kinds
from tests.dialects import moments
from tests.dialects.moments import MESHES
from tests.metrics_server import recording

CLIENT, SERVER = kinds.Side.CLIENT, kinds.Side.SERVER
LINKERD = MESHES["linkerd"]
WEB = moments.Target({"namespace": "shop", "pod": "web-1"}, job="linkerd-proxy")
CART = moments.services(("shop", "cart"))


def linkerd(*series: recording.Series) -> tuple[float, float]:
    """Return the successes and failures of both sides together."""
    taken = moments.moment(LINKERD, *WEB.itself(LINKERD), *series)
    sent, received = moments.counted(taken, CLIENT), moments.counted(taken, SERVER)
    return sent[0] + received[0], sent[1] + received[1]


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({"route_name": "probe", "target_port": "8080"}, id="probe of a container"),
        pytest.param({"route_name": "probe", "target_port": "4191"}, id="probe of the proxy"),
        pytest.param({"route_name": "default", "target_port": "4191"}, id="scrape"),
        pytest.param({"target_port": "4190"}, id="tap"),
        pytest.param({"srv_port": "4191"}, id="the port of the server alone"),
    ],
)
@pytest.mark.parametrize("classification", ["success", "failure"])
def test_trap_16_linkerd_probes_and_requests_to_the_proxy_are_left_out(
    labels: dict[str, str], classification: str
) -> None:
    where = {"direction": "inbound", "classification": classification, "status_code": "200"}
    assert linkerd(WEB.growing("response_total", 3, **where, **labels)) == (0, 0)


def test_trap_16_linkerd_what_a_meshed_prometheus_scrapes_is_no_edge() -> None:
    where = {"direction": "outbound", "classification": "success", "dst_namespace": "shop"}
    scrape = WEB.growing("response_total", 3, **where, dst_pod="cart-1", target_port="4191")
    through_gateway = WEB.growing("response_total", 5, **where, dst_service="west", target_port="4143")
    assert linkerd(scrape, through_gateway) == (30, 0)


def routed(
    by: float, *, error: str, kind: str = "http", parent: str = "Service", **status: str
) -> recording.Series:
    where = {"parent_kind": parent, "parent_namespace": "shop", "parent_name": "cart", "error": error}
    return WEB.growing(f"outbound_{kind}_route_request_statuses_total", by, **where, **status)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ("REQUEST_TIMEOUT", "http", {"http_status": ""}),
        ("REQUEST_TIMEOUT", "http", {"http_status": "504"}),
        ("RESPONSE_HEADERS_TIMEOUT", "http", {"http_status": ""}),
        ("FAIL_FAST", "http", {"http_status": ""}),
        ("LOAD_SHED", "http", {"http_status": "503"}),
        ("REQUEST_TIMEOUT", "grpc", {"grpc_status": "UNKNOWN"}),
        ("FAIL_FAST", "grpc", {"grpc_status": "UNAVAILABLE"}),
        ("REQUEST_TIMEOUT", "grpc", {}),
    ],
)
def test_trap_17_what_a_timeout_cut_or_reached_nobody_is_a_failure_of_the_edge(
    error: str, kind: str, status: dict[str, str]
) -> None:
    answered = WEB.growing(
        "response_total",
        4,
        direction="outbound",
        classification="success",
        dst_namespace="shop",
        dst_service="cart",
    )
    taken = moments.moment(
        LINKERD,
        *WEB.itself(LINKERD),
        answered,
        routed(4, error="", kind=kind, http_status="200"),
        routed(2, error=error, kind=kind, **status),
    )
    ((_, edge),) = moments.edges(taken, CART).items()
    assert (edge.figures.success, edge.figures.failure) == (24, 12)
    assert edge.figures.without == ("timeouts", "requests that reached nobody")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("", {"http_status": "500"}),
        ("", {"http_status": "200"}),
        ("RESET", {"http_status": ""}),
        ("IO", {"http_status": ""}),
        ("UNKNOWN", {"http_status": ""}),
        ("CANCEL", {"http_status": ""}),
        ("RESPONSE_STREAM_TIMEOUT", {"http_status": "200"}),
    ],
)
def test_trap_17_what_an_endpoint_began_to_answer_counts_there_alone(
    error: str, status: dict[str, str]
) -> None:
    assert linkerd(routed(2, error=error, **status)) == (0, 0)


def test_trap_17_a_request_to_a_host_outside_that_reached_nobody_is_of_no_service() -> None:
    taken = moments.moment(
        LINKERD,
        *WEB.itself(LINKERD),
        routed(2, error="FAIL_FAST", parent="EgressNetwork", http_status=""),
    )
    assert moments.counted(taken, CLIENT) == (0, 12)
    assert not any("cart" in callee for _, callee in moments.edges(taken, objects.Inventory()))
