"""A 4xx counts as a policy in a ConfigMap defines, also after a change; a wrong policy is not used."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from demo import faults, runner, wait
from tests.installed import demo as demos
from tests.installed import manifests, mistakes
from tests.installed import site as sites
from tests.truth import span

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

_WITHIN = 120.0
_QUIET = f"--namespace={manifests.NAMESPACE}"
_SERVERS = ("pods", _QUIET, "--selector=app.kubernetes.io/component=server")
_WHY = (
    "/etc/trafficmetrics/policy/policy.yaml: namespaces.shop.client_errors: "
    "Input should be 'success' or 'failure'"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def over(in_cluster: runner.Reach) -> AsyncIterator[span.Span]:
    """A span in which these mistakes are the only traffic."""
    async with span.quiet(in_cluster) as quiet:
        await mistakes.make(in_cluster)
        yield quiet


async def test_a_mistake_of_a_caller_is_a_failure_where_the_policy_says_so_and_an_update_rolls_the_pods(
    over: span.Span, api: demos.Api, site: sites.Site
) -> None:
    await mistakes.until(api, over, shop=mistakes.FAILURES, data=mistakes.SUCCESSES)
    await site.decide(mistakes.strict("data"))
    await _rolled_out(site, within=_WITHIN)
    await mistakes.until(api, over, shop=mistakes.SUCCESSES, data=mistakes.FAILURES)


async def test_a_policy_that_is_wrong_starts_no_pod_which_says_why_and_figures_stay_as_they_are(
    over: span.Span, api: demos.Api, site: sites.Site
) -> None:
    right = mistakes.strict("data")
    await site.decide(right)
    await _rolled_out(site, within=_WITHIN)
    await site.decide(mistakes.strict("shop", what="maybe"))
    failed = ""

    async def has_failed() -> bool:
        nonlocal failed
        found = [pod for pod in await site.objects(*_SERVERS) if _WHY in _last_words(pod)]
        failed = "".join(pod["metadata"]["name"] for pod in found)
        return bool(found)

    async def is_logged() -> bool:
        """False while the container is just restarting."""
        try:
            return f"Error: --policy (TRAFFIC_POLICY): {_WHY}" in await site.kubectl(
                "logs", f"pod/{failed}", _QUIET
            )
        except faults.DemoError:
            return False

    try:
        await wait.until(has_failed, what="the pod that says why", within=_WITHIN, pause=0.5)
        await wait.until(is_logged, what="its log", within=_WITHIN, pause=0.25)
        with pytest.raises(faults.DemoError, match="timed out"):
            await _rolled_out(site, within=1)
        await mistakes.until(api, over, shop=mistakes.SUCCESSES, data=mistakes.FAILURES)
    finally:
        await site.decide(right)
    await _rolled_out(site, within=_WITHIN)

    async def is_gone() -> bool:
        return not any(_last_words(pod) for pod in await site.objects(*_SERVERS))

    await wait.until(is_gone, what="the end of the pod that failed", within=_WITHIN, pause=0.5)


async def _rolled_out(site: sites.Site, *, within: float) -> None:
    """Raises a `DemoError` if the pods do not have the newest policy in this time, in seconds."""
    await site.kubectl("rollout", "status", "deployment/trafficmetrics", _QUIET, f"--timeout={within:g}s")


def _last_words(pod: Any) -> str:
    """The termination message of its container, as `kubectl describe pod` shows it."""
    (container,) = pod["status"].get("containerStatuses") or [{}]
    states = (container.get(key, {}).get("terminated", {}) for key in ("state", "lastState"))
    return "".join(state.get("message", "") for state in states)
