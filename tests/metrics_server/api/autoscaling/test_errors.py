"""Figures that an autoscaler must not use are refused; the message says why the autoscaler holds."""

from __future__ import annotations

import pytest

from tests.metrics_server import fake_prometheus, scaler

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = f"{scaler.EXTERNAL}/namespaces/shop/requests_per_second?labelSelector="
PODS = f"{scaler.SHOP}/pods/*/requests_per_second?metricLabelSelector="


@pytest.mark.parametrize(
    ("path", "status", "words_of_it"),
    [
        (f"{scaler.SHOP}/pods/*/requests_per_secnd", 404, "did you mean requests_per_second?"),
        (f"{scaler.SHOP}/deployments/crat/requests_per_second", 404, "did you mean cart?"),
        (f"{scaler.SHOP}/nodes/nowhere/requests_per_second", 404, "nodes with a scraped proxy: node-a"),
        (f"{scaler.SHOP}/ingresses.networking.k8s.io/i/requests_per_second", 404,
         "there are metrics of pods"),
        (f"{scaler.SHOP}/pods/*/requests_per_second?labelSelector=app%3Dnone", 404,
         "none of the selected pods"),
        (f"{scaler.CUSTOM}/namespaces/shpo/pods/*/requests_per_second", 404, "did you mean shop?"),
        (f"{PODS}color%3Dred", 400, "'color' means nothing here"),
        (f"{PODS}window%3D1x", 400, "not a duration"),
        (f"{PODS}window%3D2h", 400, "outside 1s to 1h"),
        (f"{PODS}window", 400, "takes one value"),
        (f"{PODS}from%3Dcart", 400, "need the name of one"),
        (f"{scaler.SHOP}/services/cart/requests_per_second?metricLabelSelector=direction%3Dup", 400,
         "to or from"),
        (f"{scaler.EXTERNAL}/namespaces/shop/requests_per_second", 400, "say whose traffic is meant"),
        (f"{scaler.EXTERNAL}/namespaces/shop/requests", 404,
         "could not find the metric requests for external"),
        (f"{RATE}name%3Dcrat", 404, "did you mean cart?"),
        (f"{RATE}from%3Dcarx,to%3Dcart", 404, "did you mean cart?"),
        (f"{RATE}kind%3DDeployment", 400, "need name=NAME"),
        (f"{RATE}name%3Dcart,to%3Ddb", 400, "the same end"),
        (f"{RATE}from%3Dfrontend,to%3Dcart,side%3Dserver", 400,
         "observed at the caller only"),
        (f"{RATE}name%3Ddb,namespace%3Ddata", 403,
         "has no end in namespace shop"),
        (f"{RATE}name%3Dnode-a,kind%3DNode", 403,
         "has no end in namespace shop"),
    ],
)  # fmt: skip
async def test_what_cannot_be_answered_is_refused_in_words(
    autoscaler: scaler.Autoscaler, path: str, status: int, words_of_it: str
) -> None:
    reply = await autoscaler.get(path)
    assert words_of_it in reply.refused(status)
    assert "Retry-After" not in reply.headers


async def test_incomplete_figures_are_refused_because_they_would_be_obeyed(
    autoscaler: scaler.Autoscaler,
) -> None:
    fake = autoscaler.api.fake
    fake.warnings = ["a store is away"]
    try:
        reply = await autoscaler.get(
            f"{scaler.SHOP}/services/cart/requests_per_second?metricLabelSelector=window%3D2m"
        )
    finally:
        fake.warnings = []
    assert "incomplete" in reply.refused(503)


async def test_without_prometheus_the_autoscaler_is_told_and_holds(autoscaler: scaler.Autoscaler) -> None:
    fake = autoscaler.api.fake
    fake.behaviour = fake_prometheus.fixed("<html>", status=502, content_type="text/html")
    try:
        reply = await autoscaler.get(
            f"{scaler.SHOP}/services/cart/requests_per_second?metricLabelSelector=window%3D3m"
        )
    finally:
        fake.behaviour = fake.well
    assert "Prometheus" in reply.refused(503)
    assert "Retry-After" not in reply.headers
