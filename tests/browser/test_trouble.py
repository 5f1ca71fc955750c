"""If there is no data, or no new data, the page shows the reason and a remedy."""

import pytest

from tests.browser import graph_page
from tests.fakes import traffic_api

pytestmark = pytest.mark.browser


def test_a_failing_api_leaves_the_last_graph_and_its_reason(
    calm_page: graph_page.GraphPage, fake: traffic_api.FakeTrafficApi
) -> None:
    page = calm_page
    page.wait_for_edge("frontend → cart")
    before = page.place_of("cart")
    fake.mode = "unavailable"
    page.notice().get_by_text("Stale since").wait_for()
    page.notice().get_by_text("Prometheus at 127.0.0.1:9090 refuses connections").wait_for()
    assert len(page.edges()) == 15
    assert page.place_of("cart") == before, "the notice pushes nothing aside"
    page.screenshot("stale-light")
    fake.mode = "well"
    page.notice().wait_for(state="hidden")


@pytest.mark.parametrize(
    ("mode", "title", "reason"),
    [
        ("denied", "The API refuses the request", "does not accept the credential"),
        ("absent", "The TrafficMetrics API is not available", "Install the server"),
    ],
)
def test_an_api_that_never_answered_is_explained(
    calm_page: graph_page.GraphPage, fake: traffic_api.FakeTrafficApi, mode: str, title: str, reason: str
) -> None:
    fake.mode = mode
    page = calm_page
    page.go(f"?refresh=2s&ns={mode}")
    page.notice().get_by_text(title).wait_for()
    page.notice().get_by_text(reason).wait_for()
    assert page.nodes() == {}
    page.screenshot(f"trouble-{mode}")


def test_an_idle_mesh_offers_a_wider_window(
    calm_page: graph_page.GraphPage, fake: traffic_api.FakeTrafficApi
) -> None:
    for item in fake.metrics:
        fake.set_counts(item, successes=0, failures=0)
    fake.edges.clear()
    page = calm_page
    page.go("?window=5m&refresh=2s")
    page.notice().get_by_text("No requests in the last 5m").wait_for()
    page.tab.get_by_role("button", name="Widen the window").click()
    page.until(lambda: "window=15m" in page.tab.url, "the window is wider")
    page.until(
        lambda: not page.tab.get_by_role("button", name="Widen the window").is_visible(), "it is the widest"
    )


def test_a_namespace_without_traffic_can_be_left(calm_page: graph_page.GraphPage) -> None:
    page = calm_page
    page.go("?ns=nowhere&refresh=2s")
    page.notice().get_by_text('namespaces "nowhere" not found').wait_for()
    page.tab.get_by_role("button", name="Show all namespaces").click()
    page.wait_for_edge("frontend → cart")
    assert "ns=" not in page.tab.url
    page.notice().wait_for(state="hidden")
