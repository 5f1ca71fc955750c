"""Agents of Cilium, one for the node of each workload: Cilium's own code counts what their proxies would log.

The traffic is that of the written dialects. Both agents get the log entries of a call, for the request and
for the answer: the caller's agent at its egress, the callee's agent at its ingress. An agent knows the pods
of its own node and the names of pods on other nodes; outside the cluster it knows addresses only.
"""

from __future__ import annotations

import collections
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import aiohttp

from tests.cluster import build
from tests.dialects import spoken, traffic
from tests.dialects.real.proxies import Config, Hosts, Place, Proxies

CALLS: Sequence[traffic.Call] = next(one.calls for one in spoken.DIALECTS if one.name == "hubble")
DENIED = traffic.Call(
    traffic.FRONTEND, traffic.FRONTEND.pods[0], traffic.DB, traffic.DB.pods[0], 403, (1.0,) * 5
)
"""A call that a policy denies: the proxy of the caller's node answers it, and no other proxy sees it."""
_GIVEN_UP = traffic.Call(
    traffic.FRONTEND, traffic.FRONTEND.pods[0], traffic.CART, traffic.CART.pods[0], 0, (1.0,) * 4
)
"""A call that the frontend gives up before there is an answer to log."""
_PORT = 9965
_LABELS = (
    "source_namespace", "source_workload", "source_workload_kind", "source_pod",
    "destination_namespace", "destination_workload", "destination_workload_kind", "destination_pod",
)  # fmt: skip
_NODES: Mapping[traffic.Workload, Sequence[traffic.Workload]] = {
    traffic.FRONTEND: (traffic.FRONTEND,),
    traffic.CART: (traffic.CART, traffic.LEGACY),
    traffic.DB: (traffic.DB,),
}
"""Which workloads run on the node of each workload."""
_TCP = 6

Record = Mapping[str, Any]


def proxies() -> Proxies:
    return Proxies(
        config=_config,
        command=lambda file: [str(build.HUBBLE.path), str(file)],
        path="/metrics",
        port=lambda workload: _PORT,
        labels=lambda workload: {"namespace": "kube-system", "pod": f"cilium-{workload.name}"},
        are_apps=True,
    )


def _config(workload: traffic.Workload, hosts: Hosts) -> Config:
    everybody = [(one, pod) for node in _NODES.values() for one in node for pod in one.pods]
    return {
        "listen": f"{hosts[workload]}:{_PORT}",
        "metrics": [f"httpV2:labelsContext={','.join(_LABELS)}"],
        "known": {
            traffic.address(pod): {"namespace": one.namespace, "podName": pod} for one, pod in everybody
        },
        "local": {
            traffic.address(pod): {"metadata": _metadata(one, pod)}
            for one, pod in everybody
            if one in _NODES[workload]
        },
    }


def _metadata(workload: traffic.Workload, pod: str) -> Config:
    """Metadata as Kubernetes has it: the owner of a deployment's pod is a replica set."""
    above = pod.rpartition("-")[0]
    is_deployed = workload.kind == "Deployment"
    owner = {"kind": "ReplicaSet" if is_deployed else workload.kind, "name": above, "controller": True}
    return {
        "name": pod,
        "namespace": workload.namespace,
        "generateName": f"{above}-",
        "labels": {"pod-template-hash": above.rpartition("-")[2]} if is_deployed else {},
        "ownerReferences": [owner],
    }


async def happen(place: Place) -> None:
    """Log all calls and the other entries."""
    logged: dict[traffic.Workload, list[Record]] = collections.defaultdict(list)
    numbers = map(str, itertools.count())
    for call in (*CALLS, DENIED):
        for milliseconds in call.milliseconds:
            for node, record in _logged(call, next(numbers), nanoseconds=round(milliseconds * 1e6)):
                logged[node].append(record)
    for _ in range(_GIVEN_UP.count):
        logged[traffic.FRONTEND].append(_record(_GIVEN_UP, "Request", "Egress", next(numbers)))
    async with aiohttp.ClientSession() as http:
        for node, records in logged.items():
            url = f"http://{place.hosts[node]}:{_PORT}/logged"
            async with http.post(url, data="\n".join(map(json.dumps, records))) as response:
                assert response.status == 200, await response.text()


def _logged(
    call: traffic.Call, identity: str, *, nanoseconds: int
) -> Iterator[tuple[traffic.Workload, Record]]:
    """Return the log entries of one request, by node, in the order of time."""
    passed = [(_node(call.caller), "Egress")]
    if call is not DENIED:
        passed.append((_node(call.callee), "Ingress"))
    for node, point in passed:
        if node is not None:
            yield node, _record(call, "Request", point, identity)
    for node, point in reversed(passed):
        if node is not None:
            yield node, _record(call, "Response", point, identity, after=nanoseconds)


def _node(workload: traffic.Workload) -> traffic.Workload | None:
    return next((node for node, there in _NODES.items() if workload in there), None)


def _record(call: traffic.Call, type_: str, point: str, identity: str, *, after: int = 0) -> Record:
    """The entry of an answer has both ends exchanged."""
    ends = [{"IPv4": traffic.address(pod)} for pod in (call.pod, call.answered_by)]
    is_request, is_grpc = type_ == "Request", call.grpc_status is not None
    source, destination = ends if is_request else reversed(ends)
    return {
        "Type": type_,
        "Timestamp": f"2001-01-01T00:00:{after // 10**9:02}.{after % 10**9:09}Z",
        "ObservationPoint": point,
        "SourceEndpoint": source,
        "DestinationEndpoint": destination,
        "Verdict": "Denied" if is_request and call is DENIED else "Forwarded",
        "TransportProtocol": _TCP,
        "HTTP": {
            "Code": 0 if is_request else call.code,
            "Method": "POST" if is_grpc else "GET",
            "Protocol": "HTTP/2" if is_grpc else "HTTP/1.1",
            "Headers": {"X-Request-Id": [identity]},
        },
    }
