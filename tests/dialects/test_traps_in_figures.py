"""Traps in what meshes count and time: numbers 5, 11, 12 and 15 of the list of traps."""

from __future__ import annotations

import math

import pytest

from metrics_server.model import kinds
from tests.dialects import moments
from tests.dialects.moments import MESHES
from tests.metrics_server import recording

CLIENT, SERVER = kinds.Side.CLIENT, kinds.Side.SERVER
XX, TIMED = "envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_time_bucket"
CART = {"envoy_cluster_name": "outbound|8080||cart.shop.svc.cluster.local"}
WEB = moments.pod("shop", "web-1")


def buckets(*counts: tuple[str, float], **labels: str) -> list[recording.Series]:
    return [WEB.growing(TIMED, by, **CART, **labels, le=le) for le, by in counts]


@pytest.mark.parametrize("mesh", ["envoy", "consul", "app-mesh", "traffic-director", "kuma"])
def test_trap_5_what_envoy_counts_and_does_not_time_is_said(mesh: str) -> None:
    (without,) = {view.latency.without for view in MESHES[mesh].views if view.side is CLIENT and view.latency}
    assert "timeouts" in without


def test_trap_5_timeouts_are_failures_and_leave_the_latency_as_it_is_with_a_word() -> None:
    """Three in four answers within 10 ms, and every fourth request a 504 that Envoy does not time."""
    mesh = MESHES["envoy"]
    taken = moments.moment(
        mesh,
        *WEB.itself(mesh),
        WEB.growing(XX, 3, **CART, envoy_response_code_class="2"),
        WEB.growing(XX, 1, **CART, envoy_response_code_class="5"),
        *buckets(("5", 0), ("10", 3), ("+Inf", 3)),
    )
    (edge,) = moments.edges(taken, moments.services(("shop", "cart"))).values()
    assert (edge.figures.success, edge.figures.failure) == (18, 6)
    assert all(value is not None and 0.005 < value <= 0.010 for value in edge.figures.latency)
    assert "timeouts" in edge.figures.without


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(
            [("5", 1), ("5.0", 1), ("10", 4), ("+Inf", 4)], 0.005, id="one bound spelled twice adds"
        ),
        pytest.param([("+Inf", 4)], None, id="a single bucket"),
        pytest.param([("5", 2), ("10", 4)], None, id="no +Inf"),
        pytest.param([("5", 0), ("10", 0), ("+Inf", 0)], None, id="empty"),
        pytest.param([("5", 1), ("10", 1), ("+Inf", 4)], 0.010, id="beyond the last bound"),
        pytest.param([("5", 2), ("10", 1), ("+Inf", 4)], 0.005, id="not monotone"),
    ],
)
def test_trap_11_whatever_a_histogram_is_like_its_median_is_that_of_prometheus_or_not_known(
    reply: list[tuple[str, float]], expected: float | None
) -> None:
    mesh = MESHES["envoy"]
    taken = moments.moment(
        mesh,
        *WEB.itself(mesh),
        WEB.growing(XX, 4, **CART, envoy_response_code_class="2"),
        *buckets(*reply),
    )
    (edge,) = moments.edges(taken, moments.services(("shop", "cart"))).values()
    median = edge.figures.latency[kinds.QUANTILES.index(0.5)]
    assert median == (None if expected is None else pytest.approx(expected))


def test_trap_12_a_counter_that_starts_anew_without_its_process_goes_on_from_zero() -> None:
    """This happens whenever a sidecar of NGINX Service Mesh reloads NGINX."""
    mesh = MESHES["nginx-mesh"]
    where = {"dst_namespace": "shop", "dst_pod": "cart-1", "dst_deployment": "cart", "code": "2xx"}
    reply = WEB.reported("nginxplus_upstream_server_responses", [90, 100, 110, 115, 3, 5, 5, 9], **where)
    taken = moments.moment(mesh, *WEB.itself(mesh), reply)
    assert moments.counted(taken, CLIENT) == (10 + 5 + 3 + 2 + 0 + 4, 0)


def test_trap_12_a_series_that_went_for_being_idle_and_came_again_counts_what_it_has_since() -> None:
    """Linkerd removes series that were not used for ten minutes, and Hubble those of a pod that is gone."""
    mesh, linkerd = MESHES["linkerd"], moments.Target(WEB.labels, job="linkerd-proxy")
    where = {"direction": "outbound", "dst_namespace": "shop", "dst_pod": "cart-1"}
    reply = linkerd.reported(
        "response_total", [50, 50, None, None, None, 2, 3, 7], **where, classification="success"
    )
    taken = moments.moment(mesh, *linkerd.itself(mesh), reply)
    assert moments.counted(taken, CLIENT) == (7, 0)


def test_trap_12_the_first_answers_of_their_class_count() -> None:
    """A series appears with its first request, which no increase of the series contains."""
    mesh = MESHES["envoy"]
    taken = moments.moment(
        mesh,
        *WEB.itself(mesh),
        WEB.growing(XX, 3, **CART, envoy_response_code_class="2"),
        WEB.reported(XX, [9], **CART, envoy_response_code_class="5"),
    )
    assert moments.counted(taken, CLIENT) == (18, 9)


def test_trap_15_a_mesh_without_traffic_is_no_mesh_that_is_not_there() -> None:
    """Its proxies exist and report zero. `test_taking.py` tests that a missing mesh is reported."""
    mesh = MESHES["envoy"]
    taken = moments.moment(mesh, *WEB.itself(mesh))
    assert [one.pod for one in taken.reporters] == ["web-1"]
    assert moments.counted(taken, CLIENT) == (0, 0)
    assert math.isfinite(taken.timestamp)
