"""Intended mistakes of a caller: `cart`, in shop, calls `db`, in data, nine times, and is answered 404.

The caller's proxy reports them in one namespace, the callee's in the other. So these requests show the effect
of a policy on either namespace.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from demo import faults, runner, wait
from tests.truth import span

_COUNT = 9
SUCCESSES, FAILURES = (float(_COUNT), 0.0), (0.0, float(_COUNT))
"""The two ways to count them."""
_CALLER, _CALLED = "cart", "db"
_WITHIN = 60.0
_Counts = tuple[float, float]


def strict(namespace: str, *, what: str = "failure") -> str:
    """Return the text of a policy file that decides what a 4xx is at the proxies of one namespace."""
    return f"namespaces:\n  {namespace}: {{client_errors: {what}}}\n"


async def make(mesh: runner.Reach) -> None:
    await mesh.calls("/cart", count=_COUNT, faults={_CALLED: 404})


async def until(api: span.Api, over: span.Span, **expected: _Counts) -> None:
    """Wait until the namespaces have exactly these successes and failures since `over` began."""
    seen: Mapping[str, _Counts] = {}

    async def same() -> bool:
        nonlocal seen
        try:
            seen = await _seen(api, window=over.window)
        except faults.DemoError:
            # A server that has just started knows no mesh yet.
            return False
        return seen == expected

    try:
        await wait.until(same, what=f"{expected}", within=_WITHIN, pause=0.5)
    except faults.DemoError:
        assert seen == expected


async def _seen(api: span.Api, *, window: str) -> Mapping[str, _Counts]:
    edges = await api.items("/trafficedges", window=window)
    sent = [one for one in edges if _is(one["resource"], _CALLER) and _is(one["edge"]["resource"], _CALLED)]
    items = await api.items("/trafficmetrics", window=window)
    received = [one for one in items if _is(one["resource"], _CALLED) and one["edge"]["side"] == "server"]
    return {"shop": _sum(sent), "data": _sum(received)}


def _is(resource: Mapping[str, str], workload: str) -> bool:
    """Whether it is the workload, or a pod of it whose workload is not known."""
    return str(resource.get("name", "")).partition("-")[0] == workload


def _sum(items: Iterable[Mapping[str, Any]]) -> _Counts:
    counts = [span.counts(one) for one in items]
    return math.fsum(one for one, _ in counts), math.fsum(other for _, other in counts)
