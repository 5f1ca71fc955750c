"""The same traffic has the same figures in every mesh; what a mesh cannot know is absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from metrics_server.model import quantity
from tests.dialects import playing, traffic, writers
from tests.dialects.playing import Asked, figures

pytestmark = pytest.mark.asyncio(loop_scope="package")
_WITHOUT_SPLITS = frozenset({"envoy-access-log", "envoy-endpoints", "linkerd1", "nginx-ingress", "traefik"})
"""Dialects whose callers give some callees a name that may or may not be a backend, or which report whole
services and no callers.
"""
_CALLED = [workload for workload in traffic.WORKLOADS if workload is not traffic.IDLE]


def counted(item: Mapping[str, Any]) -> traffic.Truth:
    found = figures(item)
    return traffic.Truth(succeeded=round(found["success_count"], 6), failed=round(found["failure_count"], 6))


def as_reported(
    calls: Iterable[traffic.Call], dialect: writers.Dialect, *, by_caller: bool = False
) -> traffic.Truth:
    """The truth, as far as the dialect knows it."""
    calls = list(calls)
    fails = (dialect.fails_to_caller if by_caller else None) or dialect.fails
    failed = sum(call.count for call in calls if fails(call))
    return traffic.Truth(succeeded=sum(call.count for call in calls) - failed, failed=failed)


def says_nothing(items: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    """Whether there is no such item, or an item without figures."""
    return name not in items or "success_count" not in figures(items[name])


def edge_name(caller: str, caller_namespace: str, callee: str, callee_namespace: str) -> str:
    """An endpoint outside Kubernetes has no namespace."""
    elsewhere = callee_namespace and callee_namespace != caller_namespace
    return f"{caller}:{callee_namespace}:{callee}" if elsewhere else f"{caller}:{callee}"


def from_strangers(name: str) -> bool:
    """Whether the caller of an edge is in no mesh."""
    return name.startswith(("unknown:", "host."))


def is_reported_by_caller(call: traffic.Call, dialect: writers.Dialect) -> bool:
    return dialect.knows.client and call.caller.meshed and (call.caller.scraped or dialect.knows.everybody)


def is_reported(call: traffic.Call, dialect: writers.Dialect) -> bool:
    """Whether a source reports caller and callee."""
    knows = dialect.knows
    return is_reported_by_caller(call, dialect) or (knows.server and knows.callers and call.caller.meshed)


async def test_every_workload_received_what_it_was_sent(asked: Asked) -> None:
    items = await asked.items("trafficmetrics")
    for workload in _CALLED:
        calls = [call for call in asked.dialect.received if call.callee is workload]
        if asked.dialect.knows.server and (calls or str(workload) in items):
            assert counted(items[str(workload)]) == as_reported(calls, asked.dialect), workload
        else:
            assert says_nothing(items, str(workload)), workload


async def test_every_pod_received_what_it_was_sent(asked: Asked) -> None:
    items, knows = await asked.items("pods"), asked.dialect.knows
    for pod in (pod for workload in _CALLED if not workload.is_machine for pod in workload.pods):
        calls = [call for call in asked.dialect.received if call.answered_by == pod]
        if knows.server and knows.pods and (calls or knows.receives_grpc or pod in items):
            assert counted(items[pod]) == as_reported(calls, asked.dialect), pod
        else:
            assert says_nothing(items, pod), pod


async def test_every_edge_between_workloads_is_there_once(asked: Asked) -> None:
    items = await asked.items("trafficedges")
    reply = [call for call in asked.dialect.calls if is_reported(call, asked.dialect)]
    expected = {}
    for caller, callee in {(call.caller, call.callee) for call in reply}:
        calls = [call for call in reply if (call.caller, call.callee) == (caller, callee)]
        name = edge_name(str(caller), caller.namespace, str(callee), callee.namespace)
        seen = is_reported_by_caller(calls[0], asked.dialect)
        expected[name] = as_reported(calls, asked.dialect, by_caller=seen)
    assert {name: counted(item) for name, item in items.items() if not from_strangers(name)} == expected


async def test_a_namespace_that_is_asked_for_alone_has_the_same_edges(asked: Asked) -> None:
    items = await asked.items(playing.ALONE.removeprefix("/"))
    assert {name: counted(item) for name, item in asked.alone.items()} == {
        name: counted(item) for name, item in items.items()
    }


async def test_an_edge_is_seen_at_its_caller_or_where_that_is_not_asked_at_the_called_one(
    asked: Asked,
) -> None:
    items, knows = await asked.items("trafficedges"), asked.dialect.knows
    if knows.client or knows.callers:
        seen = "client" if knows.client else "server"
        assert items["deployment.frontend:deployment.cart"]["edge"]["side"] == seen
    if knows.callers and not knows.everybody:
        assert items["deployment.legacy:deployment.cart"]["edge"]["side"] == "server"


async def test_every_edge_between_pods_is_there_where_both_are_told(asked: Asked) -> None:
    knows = asked.dialect.knows
    items = await asked.items("trafficedges", fieldSelector="resource.kind=Pod")
    reply = [call for call in asked.dialect.calls if is_reported_by_caller(call, asked.dialect)]
    for caller, callee in {(call.pod, call.answered_by) for call in reply}:
        calls = [call for call in reply if (call.pod, call.answered_by) == (caller, callee)]
        one = calls[0]
        if not (one.caller.has_pods and one.callee.has_pods):
            continue
        name = edge_name(f"pod.{caller}", one.caller.namespace, f"pod.{callee}", one.callee.namespace)
        if knows.pods and knows.called == "pod":
            assert counted(items[name]) == as_reported(calls, asked.dialect, by_caller=True), name
        elif len(one.callee.pods) > 1:
            assert name not in items


async def test_an_autoscaler_reads_the_same_of_each_edge(asked: Asked) -> None:
    for name, item in (await asked.items("trafficedges")).items():
        caller, callee = item["resource"], item["edge"]["resource"]
        if from_strangers(name):
            continue
        query = {"from": caller["name"], "to": callee["name"], "to_kind": callee["kind"]}
        if "namespace" in callee:
            query["to_namespace"] = callee["namespace"]
        labels = ",".join(f"{label}={value}" for label, value in query.items())
        path = f"//apis/external.metrics.k8s.io/v1beta1/namespaces/{caller['namespace']}/success_count"
        (value,) = await asked.api.items(path, labelSelector=labels)
        assert float(quantity.parse(value["value"])) == counted(item).succeeded, name


async def test_who_has_no_proxy_is_an_unknown_caller_and_no_request_is_lost(asked: Asked) -> None:
    items = await asked.items("trafficedges")
    calls = [call for call in asked.dialect.received if not call.caller.meshed]
    knows = asked.dialect.knows
    name = traffic.address(traffic.BROWSER.pods[0]) if knows.strangers else knows.stranger
    caller = f"host.{name}:shop" if name else "unknown"
    if knows.server and calls:
        assert counted(items[f"{caller}:deployment.frontend"]) == as_reported(calls, asked.dialect)
    else:
        assert not any(from_strangers(name) for name in items)


async def test_a_service_and_a_namespace_are_the_sums_of_their_pods(asked: Asked) -> None:
    services, namespaces = await asked.items("services"), await asked.items("namespaces")
    knows = asked.dialect.knows
    for workload in (traffic.FRONTEND, traffic.CART, traffic.DB):
        calls = [call for call in asked.dialect.received if call.callee is workload]
        if knows.server and (calls or knows.receives_grpc):
            assert counted(services[workload.name]) == as_reported(calls, asked.dialect)
    for namespace in ("shop", "data"):
        calls = [call for call in asked.dialect.received if call.callee.namespace == namespace]
        if knows.server and (calls or knows.receives_grpc):
            assert counted(namespaces[namespace]) == as_reported(calls, asked.dialect)
        else:
            assert says_nothing(namespaces, namespace)


async def test_a_split_is_what_callers_saw_of_its_backends(asked: Asked) -> None:
    items, knows = await asked.items("namespaces/shop/trafficsplits"), asked.dialect.knows
    calls = [
        call
        for call in asked.dialect.calls
        if call.callee is traffic.CART
        and (is_reported(call, asked.dialect) or not (knows.client or knows.callers))
    ]
    if asked.dialect.knows.client:
        calls = [call for call in calls if is_reported_by_caller(call, asked.dialect)]
    reply = [figures(items[f"canary:{name}"]) for name in ("cart", "idle")]
    if asked.dialect.name in _WITHOUT_SPLITS:
        assert not any("success_count" in one for one in reply), "not known, and not zero"
        return
    assert counted(items["canary:cart"]) == as_reported(
        calls, asked.dialect, by_caller=asked.dialect.knows.client
    )
    if asked.dialect.knows.client:
        assert [one["request_share"] for one in reply] == [1.0, 0.0]
    side = "client" if asked.dialect.knows.client else "server"
    assert {item["edge"]["side"] for item in items.values()} == {side}


async def test_a_node_is_the_sum_of_its_pods_where_those_are_told(asked: Asked) -> None:
    nodes, knows = await asked.items("nodes"), asked.dialect.knows
    for node in traffic.NODES:
        calls = [
            call
            for call in asked.dialect.received
            if call.callee.has_pods and traffic.node(call.answered_by) == node
        ]
        if knows.server and knows.pods:
            assert counted(nodes[node]) == as_reported(calls, asked.dialect)
        else:
            assert says_nothing(nodes, node)


async def test_an_idle_workload_has_no_latency_and_is_there_only_where_somebody_told(asked: Asked) -> None:
    items = await asked.items("trafficmetrics")
    if not asked.dialect.knows.idle:
        assert str(traffic.IDLE) not in items
        return
    idle = figures(items[str(traffic.IDLE)])
    assert not any("latency" in name for name in idle)
    assert set(idle.values()) <= {0.0}
