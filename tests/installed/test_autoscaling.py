"""The complete loop of the autoscaler: real load, pods and Envoys, a real Prometheus and a real autoscaler.

Each test writes its timeline to .artifacts/autoscaling/.
"""

import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo import faults, kiosk, wait
from demo.pods import surroundings
from tests.installed import autoscalers, stories, timeline
from tests.installed import kiosk as kiosks
from tests.installed import site as sites

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

_NAME = kiosk.CHECKOUT.name
_CUSTOM = "/apis/custom.metrics.k8s.io"
_PODS = f"{_CUSTOM}/v1beta2/namespaces/{kiosks.NAMESPACE}/pods/*/requests_per_second"
_SLOW = 0.3
"""A latency, in seconds, that is too high."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(site: sites.Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[kiosks.Stage]:
    scratch = tmp_path_factory.mktemp("kiosk")
    async with kiosks.running(site, scratch=scratch) as running:
        yield running


async def test_a_pods_follow_their_requests_up_and_down(stage: kiosks.Stage) -> None:
    print(await stories.pods(stage, report=print))


async def test_b_latency_of_a_service_falls_when_there_are_more_pods(stage: kiosks.Stage) -> None:
    latency = autoscalers.of_service("p99_response_latency", name=_NAME, value=f"{_SLOW * 1000:g}m")
    async with (
        stage.autoscaled(autoscalers.autoscaler([latency], patience=60)),
        timeline.recorded(stage, _NAME, letter="b", report=print) as line,
    ):
        await stories.settled(line, replicas=1)
        line.mark("surge: more than one pod can do")
        await stage.turn("surge")
        await line.until(
            lambda row: row.value is not None and row.value > _SLOW * stories.TOLERANCE,
            what="a latency above its target",
            within=stories.SOON,
        )
        await line.until(lambda row: row.seen.ready > 1, what="another pod", within=stories.SOON)
        await line.until(
            lambda row: stories.at_most(row.value, _SLOW),
            what="a latency below its target",
            within=stories.SOON,
        )


async def test_c_one_caller_scales_and_the_traffic_of_others_changes_nothing(stage: kiosks.Stage) -> None:
    print(await stories.edge(stage, report=print))


async def test_d_without_prometheus_at_the_peak_the_pods_stay_and_the_autoscaler_says_why(
    stage: kiosks.Stage,
) -> None:
    async with (
        stage.autoscaled(autoscalers.autoscaler([stories.RPS]), replicas=3, scenario="surge"),
        timeline.recorded(stage, _NAME, letter="d", report=print) as line,
    ):
        await stories.settled(line, replicas=3)
        begin = line.mark("Prometheus is gone")
        try:
            await stage.prometheus(replicas=0)
            blind = await line.until(lambda row: bool(row.seen.trouble), what="trouble", within=stories.SOON)
            assert blind.seen.trouble.startswith("FailedGetPodsMetric: ")
            assert "Prometheus" in blind.seen.trouble
            await stage.looked_at()
        finally:
            line.mark("Prometheus is there again, and remembers nothing")
            await stage.prometheus(replicas=1)
        await stories.settled(line, replicas=3)
        await stage.looked_at()
        assert {row.seen.desired for row in line.rows[begin:]} == {3}


async def test_e_a_pod_that_nobody_scrapes_does_not_count_as_idle(stage: kiosks.Stage) -> None:
    async with (
        stage.autoscaled(autoscalers.autoscaler([stories.RPS]), replicas=3, scenario="surge"),
        timeline.recorded(stage, _NAME, letter="e", report=print) as line,
    ):
        await stories.settled(line, replicas=3)
        pod = (await stage.pods())[0]["metadata"]["name"]
        begin = line.mark(f"{pod} is not scraped any more")
        await stage.site.kubectl("label", "pod", pod, kiosks.QUIET, "=".join(surroundings.UNSCRAPED))

        async def is_left_out() -> bool:
            return pod not in await _reply(stage)

        await wait.until(is_left_out, what=f"a list without {pod}", within=stories.SOON, pause=1.0)
        assert len(await _reply(stage)) == 2
        await stage.looked_at()
        assert {row.seen.desired for row in line.rows[begin:]} == {3}
        await stage.site.kubectl("label", "pod", pod, kiosks.QUIET, f"{surroundings.UNSCRAPED[0]}-")


async def test_f_a_rollout_under_load_is_no_reason_to_scale(stage: kiosks.Stage) -> None:
    """Two pods are right for any load between 15 and 33 requests a second; it is 24.5."""
    metric = autoscalers.per_pod("requests_per_second", average="15")
    async with (
        stage.autoscaled(autoscalers.autoscaler([metric]), replicas=2, scenario="surge"),
        timeline.recorded(stage, _NAME, letter="f", report=print) as line,
    ):
        await stories.settled(line, replicas=2)
        old = {pod["metadata"]["name"] for pod in await stage.pods()}
        begin = line.mark("every pod is replaced")
        await stage.site.kubectl("rollout", "restart", kiosks.CHECKOUT, kiosks.QUIET)
        await stage.site.kubectl("rollout", "status", kiosks.CHECKOUT, kiosks.QUIET, "--timeout=90s")
        line.mark("every pod is a new one")

        async def are_told() -> bool:
            return len(set(await _reply(stage)) - old) == 2

        await wait.until(are_told, what="the rates of two new pods", within=stories.SOON, pause=1.0)
        await stage.looked_at()
        assert {row.seen.desired for row in line.rows[begin:]} == {2}


async def test_g_several_autoscalers_of_several_metrics_each_do_their_own(stage: kiosks.Stage) -> None:
    """The most demanding of three metrics decides; the frontend has an autoscaler of its own."""
    demanding = autoscalers.external(
        "requests_per_second", average="6", **{"from": kiosk.FRONTEND.name, "to": _NAME}
    )
    latency = autoscalers.of_service("p99_response_latency", name=_NAME, value="2")
    own = autoscalers.autoscaler(
        [autoscalers.per_pod("requests_per_second", average="16")], target=kiosk.FRONTEND.name, most=2
    )
    async with (
        stage.autoscaled(
            autoscalers.autoscaler([stories.RPS, latency, demanding]), own, replicas=3, scenario="surge"
        ),
        timeline.recorded(stage, _NAME, letter="g-checkout", report=print) as line,
        timeline.recorded(stage, kiosk.FRONTEND.name, letter="g-frontend", report=print) as other,
    ):
        row = await line.until(
            lambda row: row.seen.ready >= 4 and len(row.seen.values) == 3,
            what="a fourth pod",
            within=stories.SOON,
        )
        assert None not in row.seen.values.values()
        await other.until(lambda row: row.seen.ready == 2, what="a second frontend", within=stories.SOON)


async def test_h_a_cluster_that_knows_only_v1beta1_scales_as_well(stage: kiosks.Stage) -> None:
    name = "v1beta2.custom.metrics.k8s.io"
    async with (
        stage.autoscaled(autoscalers.autoscaler([stories.RPS]), replicas=3, scenario="surge"),
        timeline.recorded(stage, _NAME, letter="h", report=print) as line,
    ):
        await stories.settled(line, replicas=3)
        async with _without(stage.site, name):
            line.mark(f"{name} is not registered; quiet")
            await stage.turn("quiet")
            await line.until(
                lambda row: (row.seen.desired, row.seen.trouble) == (1, ""),
                what="one pod",
                within=stories.SOON,
            )


@contextlib.asynccontextmanager
async def _without(site: sites.Site, api_service: str) -> AsyncIterator[None]:
    """Without this API; afterwards it is registered again, and answers."""
    made = json.loads(await site.kubectl("get", "apiservice", api_service, "--output=json"))
    again = {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "metadata": {key: made["metadata"][key] for key in ("name", "labels")},
        "spec": {key: value for key, value in made["spec"].items() if key != "caBundle"},
    }
    file = site.scratch / "apiservice.json"
    file.write_text(json.dumps(again))
    await site.kubectl("delete", "apiservice", api_service)
    try:
        yield
    finally:
        await site.kubectl("apply", f"--filename={file}")
        await wait.until(lambda: _answers(site), what=api_service, within=stories.SOON, pause=1.0)


async def _answers(site: sites.Site) -> bool:
    try:
        await site.kubectl("get", "--raw", f"{_CUSTOM}/v1beta2")
    except faults.DemoError:
        return False
    return True


async def _reply(stage: kiosks.Stage) -> list[str]:
    """The pods of checkout with a known rate, as the autoscaler gets them."""
    path = f"{_PODS}?labelSelector=app%3D{_NAME}"
    try:
        answer = json.loads(await stage.site.kubectl("get", "--raw", path))
    except faults.DemoError:
        return []
    return [item["describedObject"]["name"] for item in answer["items"]]
