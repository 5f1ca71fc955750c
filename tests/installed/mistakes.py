"""Mistakes of callers, made on purpose: `cart`, in shop, asks `db`, in data, nine times, and is answered 404.

The caller's proxy tells of them in one namespace, the called one's in the other. So one handful of requests
shows what a policy says of either.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from demo import faults, runner, wait
from tests.truth import span

_COUNT = 9
SUCCESSES, FAILURES = (float(_COUNT), 0.0), (0.0, float(_COUNT))
"""What they may be taken for."""
_CALLER, _CALLED = "cart", "db"
_WITHIN = 60.0
_Counts = tuple[float, float]


def strict(namespace: str, *, what: str = "failure") -> str:
    """The file of a policy that tells what an answer of 4xx is to the proxies of one namespace."""
    return f"namespaces:\n  {namespace}: {{client_errors: {what}}}\n"


async def make(mesh: runner.Reach) -> None:
    await mesh.calls("/cart", count=_COUNT, faults={_CALLED: 404})


async def until(api: span.Api, over: span.Span, **expected: _Counts) -> None:
    """Until the namespaces tell of these successes and failures, and no others, since `over` began."""
    seen: Mapping[str, _Counts] = {}

    async def same() -> bool:
        nonlocal seen
        try:
            seen = await _seen(api, window=over.window)
        except faults.DemoError:
            # A server that has just begun has not yet been told of any mesh.
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
    """The workload, or a pod of it where nobody knows whose it is."""
    return str(resource.get("name", "")).partition("-")[0] == workload


def _sum(items: Iterable[Mapping[str, Any]]) -> _Counts:
    counts = [span.counts(one) for one in items]
    return math.fsum(one for one, _ in counts), math.fsum(other for _, other in counts)
