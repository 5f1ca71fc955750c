"""Gloo Mesh: Istio's proxies push their metrics to it, and it adds the reporter's name and the callee's."""

from __future__ import annotations

import dataclasses

from tests.dialects import traffic, writers
from tests.dialects.exposition import Sample
from tests.dialects.spoken import istio

_CLUSTER = "cluster-1"


def _write(call: traffic.Call, sent: bool) -> list[Sample]:
    references = {
        "gm_workload_ref": _reference(call.caller if sent else call.callee),
        "gm_destination_workload_ref": _reference(call.callee),
    }
    return [
        dataclasses.replace(sample, labels={**sample.labels, **references})
        for sample in istio.reported(call, reporter="source" if sent else "destination")
    ]


def _reference(workload: traffic.Workload) -> str:
    return f"{workload.name}.{workload.namespace}.{_CLUSTER}"


DIALECT = writers.Dialect(
    name="gloo-mesh",
    profile="gloo-mesh",
    job="gloo-mesh",
    sources=writers.collector(
        _write,
        instance="enterprise-networking:8080",
        labels={"namespace": "gloo-mesh", "pod": "enterprise-networking-69d74c9744-8nlkd"},
    ),
    timed=writers.Histogram(
        istio.DURATION,
        writers.ENVOY_MS,
        seconds=1e-3,
        received={"reporter": "destination", "gm_workload_ref": f"db.data.{_CLUSTER}"},
    ),
    knows=writers.Knows(callers=True, pods=False, called="workload", everybody=True, idle=False),
)
