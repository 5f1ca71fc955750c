"""A mesh to scale: one workload with a limited capacity, and two callers with separate loads.

`checkout` works on one request at a time, so a pod is full at some 24 a second: below that it answers in
40 ms, above it requests wait, and their latency grows until there are more pods. Traffic from outside comes
through `gateway` and `frontend`; `report` calls `checkout` directly.
"""

from demo import blueprint

_NAMESPACE = "kiosk"

GATEWAY, FRONTEND, REPORT, CHECKOUT = (
    blueprint.Name(_NAMESPACE, name) for name in ("gateway", "frontend", "report", "checkout")
)
_ORDER = {"": (blueprint.Call(CHECKOUT, "/orders"),)}

_WORKLOADS = (
    blueprint.Workload(
        GATEWAY,
        "Deployment",
        public=True,
        labels={"app": "gateway", "tier": "edge"},
        answers={"": (blueprint.Call(FRONTEND, "/"),)},
    ),
    blueprint.Workload(
        FRONTEND,
        "Deployment",
        labels={"app": "frontend"},
        latency=blueprint.Latency(0.002),
        answers=_ORDER,
    ),
    blueprint.Workload(
        REPORT,
        "Deployment",
        labels={"app": "report"},
        latency=blueprint.Latency(0.002),
        beat=2.0,
        answers=_ORDER,
    ),
    blueprint.Workload(
        CHECKOUT,
        "Deployment",
        labels={"app": "checkout"},
        latency=blueprint.Latency(0.04, sigma=0.1, tail_share=0.0),
        at_once=1,
    ),
)

KIOSK = blueprint.Blueprint(
    nodes=("node-a",),
    workloads=_WORKLOADS,
    services=tuple(blueprint.Service(workload.name, {"app": workload.name.name}) for workload in _WORKLOADS),
    policies=(),
    entry_paths={"/": 1},
)
