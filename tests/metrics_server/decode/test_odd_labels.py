"""Labels that are empty or unknown to the profile lose no request and do not divide an edge."""

from __future__ import annotations

import pytest

from tests.dialects import moments

NAMES = ['a"b', ".*", "new\nline", ""]
WEB = moments.pod("shop", "web-1", app="web")
ISTIO = moments.MESHES["istio"]
TO_CART = {
    "reporter": "source",
    "response_code": "200",
    "destination_workload_namespace": "shop",
    "destination_workload": "cart",
}


@pytest.mark.parametrize(
    "empty", [{"destination_workload": ""}, dict.fromkeys(TO_CART, "") | {"reporter": "source"}]
)
def test_empty_labels_name_nobody_and_their_requests_count(empty: dict[str, str]) -> None:
    taken = moments.moment(
        ISTIO,
        *WEB.itself(ISTIO),
        WEB.growing("istio_requests_total", 4, **TO_CART),
        WEB.growing("istio_requests_total", 1, **{**TO_CART, **empty}),
    )
    assert {edge: found.figures.success for edge, found in moments.edges(taken).items()} == {
        ("pod.web-1", "workload.cart"): 24,
        ("pod.web-1", "unknown"): 6,
    }


def test_labels_that_nobody_knows_part_no_edge() -> None:
    taken = moments.moment(
        ISTIO,
        *WEB.itself(ISTIO),
        *(
            WEB.growing("istio_requests_total", 1, **TO_CART, surprise=name, le="5", quantile="0.5")
            for name in NAMES
        ),
    )
    (found,) = moments.edges(taken).values()
    assert found.figures.success == 6 * len(NAMES)
