"""What gateways receive from outside is read, as far as the names of their listeners show it."""

from __future__ import annotations

import pytest

from metrics_server.model import kinds
from tests.dialects import moments


@pytest.mark.parametrize(
    ("mesh", "listener", "labels"),
    [
        ("envoy", "http-10080", {}),
        ("envoy", "https-10443", {}),
        ("envoy", "ingress_http", {}),
        ("consul", "ingress_upstream_8080", {"consul_source_service": "api-gateway"}),
    ],
)
def test_a_gateway_received_what_came_to_its_listeners(
    mesh: str, listener: str, labels: dict[str, str]
) -> None:
    profile, gateway = moments.MESHES[mesh], moments.pod("edge", "gateway-1")
    series = [
        gateway.growing(
            "envoy_http_downstream_rq_xx",
            3,
            envoy_http_conn_manager_prefix=name,
            envoy_response_code_class="2",
            **labels,
        )
        for name in (listener, "admin", "eg-ready-http", "stats")
    ]
    taken = moments.moment(profile, *gateway.itself(profile, **labels), *series)
    assert moments.counted(taken, kinds.Side.SERVER) == (18.0, 0.0)
