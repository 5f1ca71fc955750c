"""prometheus-adapter beside us: on the same kube-apiserver, over the same Prometheus, asked by the same user.

The read is the nearest that both know: a figure of each pod that a label selector finds. The adapter asks the
kube-apiserver for the pods and Prometheus for the figure at every read; we answer from a snapshot that is as
old as the refresh at most. Its own limit of questions to the kube-apiserver is lifted in a second round.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from apiservice import certificates
from bench import client, cold, joined, load, report, shape, usage
from demo import faults, wait
from tests.cluster import build, cluster, commands, registration

_MODULE = Path(__file__).resolve().parent / "adapter"
_PACKAGE = "sigs.k8s.io/prometheus-adapter/cmd/adapter"
_NAME = "prometheus-adapter"
_PATHS = "/apis/custom.metrics.k8s.io/v1beta1"
_METRIC = "requests_per_second"
_HOST = 8
"""Among the service addresses, beside our server's: tests.cluster.places."""
_WITHIN = 90.0
_CONNECTIONS = (1, 8)
_USES = ("lister", "authentication", "authorization")
_LIMITS: Mapping[str, tuple[str, ...]] = {
    "as shipped (--client-qps 5)": (),
    "--client-qps 10000": ("--client-qps=10000", "--client-burst=10000"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class _Read:
    """What both are asked, as each spells it."""

    name: str
    ours: str
    its: str


def _version() -> str:
    required = re.search(r"prometheus-adapter (v\S+)", (_MODULE / "go.mod").read_text())
    if required is None:
        raise faults.DemoError(f"{_MODULE / 'go.mod'} does not require {_NAME}")
    return required[1]


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


async def binary(folder: Path, *, say: Callable[[str], None]) -> Path:
    """The adapter, built once from its Go module. Raises demo.faults.DemoError."""
    program = folder / _version() / _NAME
    if program.exists():
        return program
    if build.find("go") is None:
        raise faults.DemoError(f"no go on PATH, and {_NAME} is built from source; leave it out: --no-peer")
    say(f"building {_NAME} (about 5 minutes on two cores, once)")
    _make(program.parent)
    fresh = program.with_suffix(".new")
    await commands.output(
        *("nice", "-n", "19", "go", "build", "-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"),
        *("-o", str(fresh), _PACKAGE),
        folder=_MODULE,
        environment={"CGO_ENABLED": "0"},
    )
    return fresh.rename(program)


async def measure(
    joint: joined.Joined, program: Path, *, seconds: float, say: Callable[[str], None]
) -> report.Table:
    """Return a row for each server, read and number of connections. Raises demo.faults.DemoError."""
    namespace = joint.place.cluster.namespaces[0]
    say(f"writing the pods of {namespace}")
    await _write_pods(joint, namespace)
    rows = await _rows(joint, joint.through, "TrafficMetrics", seconds=seconds, path=lambda read: read.ours)
    for limit, flags in _LIMITS.items():
        say(f"{_NAME}, {limit}")
        async with _serving(joint, program, flags) as door:
            name = f"{_NAME}, {limit}"
            rows |= await _rows(joint, door, name, seconds=seconds, path=lambda read: read.its)
    return report.Table(
        name=f"Beside {_NAME}",
        about="figures of pods by label selector, through the kube-apiserver; CPU of the server, ms per read",
        rows=rows,
        compared="reads/s",
    )


def _reads(sizes: shape.Shape) -> list[_Read]:
    workload = sizes.workloads[0]
    here = f"namespaces/{workload.namespace}/pods"
    one = f"?labelSelector=app%3D{workload.name}"
    everyone = sum(pod.workload.namespace == workload.namespace for pod in sizes.pods)
    return [
        _Read(f"{count} pods", f"{cold.PATHS}/{here}{query}", f"{_PATHS}/{here}/*/{_METRIC}{query}")
        for count, query in ((shape.PODS_PER_WORKLOAD, one), (everyone, ""))
    ]


async def _rows(
    joint: joined.Joined,
    door: client.Server,
    name: str,
    *,
    seconds: float,
    path: Callable[[_Read], str],
) -> dict[str, report.Cells]:
    rows: dict[str, report.Cells] = {}
    for read in _reads(joint.place.cluster):
        await _demand_figures(door, path(read), what=f"{name}, {read.name}")
        for connections in _CONNECTIONS:
            job = load.Job(path=path(read), accept=client.JSON, connections=connections, seconds=seconds)
            outcome = await joint.place.family.guard(load.run(job, door))
            now, most = usage.memory(door.pid)
            rows[f"{name}: {read.name}, {connections} conn."] = {
                "reads/s": outcome.per_second,
                "p50 ms": outcome.p50,
                "p99 ms": outcome.p99,
                "CPU ms": outcome.cpu,
                "kB": outcome.kilobytes,
                "not 200": load.told(outcome.refused),
                "MB": now,
                "MB most": most,
            }
    return rows


async def _demand_figures(door: client.Server, path: str, *, what: str) -> None:
    """An empty answer is quick; it is not to be compared."""

    async def has_items() -> bool:
        connection = await client.Connection.open(door)
        try:
            status, body = await connection.get(path)
        finally:
            await connection.aclose()
        return status == 200 and bool(json.loads(body)["items"])

    await wait.until(has_items, what=f"{what}: an answer with figures", within=_WITHIN, pause=0.5)


@contextlib.asynccontextmanager
async def _serving(joint: joined.Joined, program: Path, flags: Sequence[str]) -> AsyncIterator[client.Server]:
    """The adapter as the API of custom metrics, until the block is left."""
    family, kubernetes = joint.place.family, joint.cluster
    state = joint.place.where.folder / _NAME
    address = str(kubernetes.place.services[_HOST])
    host = f"{_NAME}.{registration.NAMESPACE}.svc"
    now = datetime.datetime.now(datetime.UTC)
    trusted = await asyncio.to_thread(certificates.ensure, state, hosts=[host], now=now)
    rules = state / "rules.yaml"
    rules.write_text(yaml.safe_dump(_RULES))
    files = {
        "config": rules,
        "tls-cert-file": trusted.serving,
        "tls-private-key-file": trusted.serving,
    }
    files |= {f"{use}-kubeconfig": kubernetes.kubeconfig for use in _USES}
    named = [f"--{name}={file}" for name, file in files.items()]
    where = [f"--bind-address={address}", f"--secure-port={registration.PORT}"]
    asked = f"--prometheus-url={joint.place.where.prometheus_url}/"
    await family.start(_NAME, [str(program), *named, *where, asked, *flags])
    try:
        url = f"https://{address}:{registration.PORT}/readyz"
        await family.guard(wait.until_ok(joint.place.http, url, what=_NAME, within=_WITHIN))
        offered = _registration(kubernetes, address=address, authority=trusted.authority.read_bytes())
        await joined.apply(kubernetes, offered, scratch=state)
        door = dataclasses.replace(joint.through, pid=family.pid(_NAME))
        await family.guard(joined.until_read(door, _PATHS))
        yield door
    finally:
        if family.runs(_NAME):
            await family.stop(_NAME)


def _registration(kubernetes: cluster.Cluster, *, address: str, authority: bytes) -> list[Mapping[str, Any]]:
    service, *others = registration.objects(
        kubernetes, name=_NAME, group="custom.metrics.k8s.io", version="v1beta1", authority=authority
    )
    return [{**service, "spec": {**service["spec"], "clusterIP": address}}, *others]


async def _write_pods(joint: joined.Joined, namespace: str) -> None:
    """As objects alone: no node is there to run them, and none is needed to list them."""
    kubectl = (joint.cluster.kubeconfig, "get", "serviceaccount", "default", f"--namespace={namespace}")
    scratch = joint.place.where.folder
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    await joined.apply(joint.cluster, [place], scratch=scratch)

    async def has_account() -> bool:
        try:
            await commands.kubectl(*kubectl)
        except faults.DemoError:
            return False
        return True

    await wait.until(has_account, what=f"the account of pods in {namespace}", within=_WITHIN, pause=0.5)
    pods = [pod for pod in joint.place.cluster.pods if pod.workload.namespace == namespace]
    await joined.apply(joint.cluster, [_pod(pod) for pod in pods], scratch=scratch)


def _pod(pod: shape.Pod) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": pod.workload.namespace, "labels": dict(pod.labels)},
        "spec": {"containers": [{"name": "app", "image": "registry.example/app:1.0.0"}]},
    }


_RULES: Mapping[str, Any] = {
    "rules": [
        {
            "seriesQuery": 'envoy_http_downstream_rq_xx{namespace!="",pod!=""}',
            "resources": {"overrides": {one: {"resource": one} for one in ("namespace", "pod")}},
            "name": {"as": _METRIC},
            "metricsQuery": "sum(rate(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>)",
        }
    ]
}
