"""What the Envoy of each pod exposes at a given time: counters that move, as pure functions of the time.

The names and labels are Envoy 1.40's with Istio's cluster names: of each edge the classes 2 and 5 and the
twenty default buckets, of the inbound listener all five classes and its buckets. `_sum` and `_count` are
left out, because no query reads them.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from bench import shape

BOUNDS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6, 3.6e6)
"""Milliseconds: Envoy's default buckets, without the last, `+Inf`."""
_AGE = 3600.0
"""Seconds every proxy has been up when the exporter starts: a mesh in its usual state, not a new one."""
_FAILING = 0.01
_SPREAD = 0.8
"""Sigma of the lognormal latencies."""


class Pages:
    """The pages of all pods of a shape."""

    def __init__(self, cluster: shape.Shape, *, started: float) -> None:
        """`started` in Unix seconds."""
        self._started = started
        self._pods = cluster.pods
        self._templates = {workload: _template(cluster, workload) for workload in cluster.workloads}
        edges = shape.EDGES + 1
        seeds = np.arange(len(cluster.pods) * edges)
        rates = (1.0 + seeds * 7 % 20).reshape(-1, edges)
        medians = (4.0 + seeds * 13 % 90).reshape(-1, edges)
        self._rates = np.array([_rates(*row) for row in zip(rates.tolist(), medians.tolist(), strict=True)])

    def page(self, number: int, *, now: float) -> bytes:
        """Return what one pod's proxy exposes."""
        age = now - self._started + _AGE
        counts = np.floor(self._rates[number] * age).astype(np.int64).tolist()
        return (self._templates[self._pods[number].workload] % (*counts, int(age))).encode()


def _template(cluster: shape.Shape, workload: shape.Workload) -> str:
    lines: list[str] = []
    for callee in cluster.callees(workload):
        name = f'envoy_cluster_name="outbound|8080||{callee.name}.{callee.namespace}.svc.cluster.local"'
        lines += series("envoy_cluster_upstream_rq", name, classes=(2, 5))
    inbound = 'envoy_http_conn_manager_prefix="inbound"'
    lines += series("envoy_http_downstream_rq", inbound, classes=(1, 2, 3, 4, 5))
    lines += ["# TYPE envoy_server_uptime gauge", "envoy_server_uptime{} %d", ""]
    return "\n".join(lines)


def series(name: str, label: str, *, classes: tuple[int, ...]) -> Iterator[str]:
    """Return the lines of one counter by class and of one histogram, each with a place for its value."""
    yield f"# TYPE {name}_xx counter"
    for number in classes:
        yield f'{name}_xx{{envoy_response_code_class="{number}",{label}}} %d'
    yield f"# TYPE {name}_time histogram"
    for bound in (*(f"{bound:.12g}" for bound in BOUNDS), "+Inf"):
        yield f'{name}_time_bucket{{{label},le="{bound}"}} %d'


def _rates(totals: Sequence[float], medians: Sequence[float]) -> list[float]:
    """Return the growth per second of each series of a page, in the order of its template.

    The last of the totals is what the pod receives, the others are what it sends.
    """
    grows: list[float] = []
    for number, (total, median) in enumerate(zip(totals, medians, strict=True)):
        good, bad = total * (1 - _FAILING), total * _FAILING
        grows += [good, bad] if number < shape.EDGES else [0.0, good, 0.0, 0.0, bad]
        grows += [total * share(bound, median) for bound in BOUNDS] + [total]
    return grows


def share(bound: float, median: float) -> float:
    """Return how many requests take no longer than a bound (both milliseconds)."""
    return 0.5 * (1.0 + math.erf(math.log(bound / median) / (_SPREAD * math.sqrt(2.0))))
