"""prometheus-adapter: built from its Go module, and run on our server's kube-apiserver and Prometheus.

It asks the kube-apiserver for the pods and Prometheus for the figure at every read; we answer from a snapshot
that is some seconds old. By default it limits its own requests to the kube-apiserver; that limit can be
lifted.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from apiservice.tls import self_signed
from bench import client, hpas, joined, scaler, shape
from demo import faults, wait
from tests.cluster import build, cluster, commands, registration

_MODULE = Path(__file__).resolve().parent / "adapter"
_PACKAGE = "sigs.k8s.io/prometheus-adapter/cmd/adapter"
NAME = "prometheus-adapter"
_PATHS = f"{hpas.CUSTOM}/v1beta1"
_HOST = 8
"""A service address next to our server's, see tests.cluster.places."""
_WITHIN = 90.0
_USES = ("lister", "authentication", "authorization")
LIMITED, LIFTED = "as shipped (--client-qps 5)", "--client-qps 10000"
LIMITS: Mapping[str, tuple[str, ...]] = {
    LIMITED: (),
    LIFTED: ("--client-qps=10000", "--client-burst=10000"),
}


def _version() -> str:
    required = re.search(r"prometheus-adapter (v\S+)", (_MODULE / "go.mod").read_text())
    if required is None:
        raise faults.DemoError(f"{_MODULE / 'go.mod'} does not require {NAME}")
    return required[1]


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


async def binary(folder: Path, *, say: Callable[[str], None]) -> Path:
    """The adapter, built once from its Go module. Raises demo.faults.DemoError."""
    program = folder / _version() / NAME
    if program.exists():
        return program
    if build.find("go") is None:
        raise faults.DemoError(f"no go on PATH, and {NAME} is built from source; leave it out: --no-peer")
    say(f"building {NAME} (about 5 minutes on two cores, once)")
    _make(program.parent)
    fresh = program.with_suffix(".new")
    await commands.output(
        *("nice", "-n", "19", "go", "build", "-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"),
        *("-o", str(fresh), _PACKAGE),
        folder=_MODULE,
        environment={"CGO_ENABLED": "0"},
    )
    return fresh.rename(program)


@contextlib.asynccontextmanager
async def serving(joint: joined.Joined, program: Path, *, limit: str) -> AsyncIterator[joined.Joined]:
    """The adapter as the API of custom metrics, until the block is left: with one of `LIMITS`.

    Raises demo.faults.DemoError.
    """
    family, kubernetes = joint.place.family, joint.cluster
    state = joint.place.where.folder / NAME
    address = str(kubernetes.place.services[_HOST])
    host = f"{NAME}.{registration.NAMESPACE}.svc"
    now = datetime.datetime.now(datetime.UTC)
    trusted = await asyncio.to_thread(self_signed.ensure, state, hosts=[host, address], now=now)
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
    await family.start(NAME, [str(program), *named, *where, asked, *LIMITS[limit]])
    try:
        url = f"https://{address}:{registration.PORT}/readyz"
        await family.guard(wait.until_ok(joint.place.http, url, what=NAME, within=_WITHIN))
        offered = _registration(kubernetes, address=address, authority=trusted.authority.read_bytes())
        await scaler.register(kubernetes, offered, scratch=state)
        through = dataclasses.replace(joint.through, pid=family.pid(NAME))
        direct = client.Server(
            pid=through.pid,
            address=(address, registration.PORT),
            authority=trusted.authority,
            token=through.token,
        )
        for door in (direct, through):
            await family.guard(joined.until_read(door, _PATHS))
        yield dataclasses.replace(joint, direct=direct, through=through)
    finally:
        if family.runs(NAME):
            await family.stop(NAME)


def _registration(kubernetes: cluster.Cluster, *, address: str, authority: bytes) -> list[Mapping[str, Any]]:
    service, *others = registration.objects(
        kubernetes, name=NAME, group="custom.metrics.k8s.io", version="v1beta1", authority=authority
    )
    return [{**service, "spec": {**service["spec"], "clusterIP": address}}, *others]


async def write_pods(joint: joined.Joined, namespace: str) -> None:
    """Write pods as objects only: no node runs them, because a list of pods does not need one.

    Raises demo.faults.DemoError.
    """
    kubectl = (joint.cluster.kubeconfig, "get", "serviceaccount", "default", f"--namespace={namespace}")
    scratch = joint.place.where.folder
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    await scaler.apply(joint.cluster, [place], scratch=scratch)

    async def has_account() -> bool:
        try:
            await commands.kubectl(*kubectl)
        except faults.DemoError:
            return False
        return True

    await wait.until(has_account, what=f"the account of pods in {namespace}", within=_WITHIN, pause=0.5)
    labels = hpas.labels(joint.place.cluster)
    pods = [pod for pod in joint.place.cluster.pods if pod.workload.namespace == namespace]
    await scaler.apply(joint.cluster, [_pod(pod, labels[pod.name]) for pod in pods], scratch=scratch)


def _pod(pod: shape.Pod, labels: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": pod.workload.namespace, "labels": labels},
        "spec": {"containers": [{"name": "app", "image": "registry.example/app:1.0.0"}]},
    }


_RULES: Mapping[str, Any] = {
    "rules": [
        {
            "seriesQuery": 'envoy_http_downstream_rq_xx{namespace!="",pod!=""}',
            "resources": {"overrides": {one: {"resource": one} for one in ("namespace", "pod")}},
            "name": {"as": hpas.RATE},
            "metricsQuery": "sum(rate(<<.Series>>{<<.LabelMatchers>>}[30s])) by (<<.GroupBy>>)",
        }
    ]
}
