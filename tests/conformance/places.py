"""The APIs that are tested: a toy and ours, alone; ours in a real cluster, both ways in; and a built-in."""

import base64
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from apiservice.runtime import kubeconfig as runtime_kubeconfig
from apiservice.server import sockets
from apiservice.tls import self_signed
from demo import runner
from tests import serving
from tests.apiservice import asking as toys
from tests.apiservice import fruits
from tests.cluster import aggregated as aggregation
from tests.cluster import build, cluster, commands, registration
from tests.cluster import certificates as identities
from tests.conformance.subject import Credential, Subject, Way

KUBERNETES = "CONFORMANCE_KUBERNETES"
"""`next` in this environment variable selects the newer Kubernetes."""
_SHOP, _STAND, _LIBRARY = "shop", "stand", "library"
_MANY = 1000
_LONG = 100_000
"""How many letters."""
_BUSY = 60.0
"""Seconds until a request is given up: a shared machine can be slow."""


@contextlib.asynccontextmanager
async def toy(folder: Path) -> AsyncIterator[Subject]:
    tls = self_signed.ensure(folder, hosts=["127.0.0.1"], now=datetime.now(UTC))
    kubeconfig = folder / "kubeconfig"
    forest = [fruits.fruit(f"fruit-{number}", namespace="forest") for number in range(_MANY)]
    orchard = fruits.Orchard(rows=(*fruits.ORCHARD, *forest))
    async with sockets.serve(
        toys.Toy(orchard, deadline=_BUSY).api, host="127.0.0.1", port=0, tls=tls.context()
    ) as bound:
        runtime_kubeconfig.write_kubeconfig(
            kubeconfig,
            server=bound.url,
            authority=tls.authority.read_bytes(),
            bearer=toys.TOKEN,
            name="toy",
            namespace="north",
        )
        yield Subject(
            way=Way.TOY,
            url=bound.url,
            authority=tls.authority,
            kubeconfig=kubeconfig,
            credential=Credential(headers={"Authorization": f"Bearer {toys.TOKEN}"}),
            group=fruits.GROUP,
            version=fruits.VERSION,
            namespace="north",
        )


@contextlib.asynccontextmanager
async def standalone(mesh: runner.Mesh, folder: Path) -> AsyncIterator[Subject]:
    options = {"inventory": str(mesh.inventory)}
    async with serving.server(folder, prometheus=mesh.prometheus_url, options=options) as running:
        yield Subject(
            way=Way.STANDALONE,
            url=running.url,
            authority=running.authority,
            kubeconfig=running.kubeconfig,
            credential=Credential(headers={"Authorization": f"Bearer {running.token}"}),
            group=aggregation.GROUP,
            version=aggregation.VERSION,
            namespace=_SHOP,
        )


@contextlib.asynccontextmanager
async def control_plane(folder: Path) -> AsyncIterator[cluster.Cluster]:
    """With two Deployments, whose Pods never get a node, and one in another namespace with a long
    annotation.
    """
    kubernetes = build.NEXT if os.environ.get(KUBERNETES) == "next" else build.KUBERNETES
    name = f"k{os.getpid()}"
    async with cluster.Cluster(
        state=folder, name=name, nodes=False, kubernetes=kubernetes, report=print
    ) as running:
        for line in (
            f"create namespace {_SHOP}",
            f"create namespace {_STAND}",
            f"create deployment apple --image=apple --namespace={_STAND}",
            f"create deployment pear --image=pear --namespace={_STAND}",
            f"create namespace {_LIBRARY}",
            f"create deployment book --image=book --namespace={_LIBRARY}",
            f"annotate deployment book one={'x' * _LONG} two={'x' * _LONG} --namespace={_LIBRARY}",
        ):
            await commands.kubectl(running.kubeconfig, *line.split())
        yield running


@dataclasses.dataclass(frozen=True, slots=True)
class Joined:
    """Our server in a cluster, reached in two ways."""

    past: Subject
    aggregated: Subject


@contextlib.asynccontextmanager
async def joined(running: cluster.Cluster, mesh: runner.Mesh, folder: Path) -> AsyncIterator[Joined]:
    async with aggregation.serve(running, mesh, scratch=folder):
        through = dataclasses.replace(
            built_in(running),
            way=Way.AGGREGATED,
            group=aggregation.GROUP,
            version=aggregation.VERSION,
            namespace=_SHOP,
        )
        yield Joined(past=_past(running, through, folder=folder), aggregated=through)


def built_in(running: cluster.Cluster) -> Subject:
    """Kubernetes' own Deployments and their resources: they check the suite itself."""
    credential = _administrator(running)

    def impersonate(name: str) -> Credential:
        return credential.bearing(Impersonate_User=name)

    return Subject(
        way=Way.BUILT_IN,
        url=running.place.server,
        authority=running.files.certificate("ca"),
        kubeconfig=running.kubeconfig,
        credential=credential,
        group="apps",
        version="v1",
        namespace=_STAND,
        impersonate=impersonate,
        cluster=running.kubeconfig,
        front_proxy=_front_proxy(running),
    )


def _past(running: cluster.Cluster, through: Subject, *, folder: Path) -> Subject:
    """Without the kube-apiserver: the server itself must authenticate and authorize."""
    proxy = _front_proxy(running)

    def impersonate(name: str) -> Credential:
        return proxy.bearing(X_Remote_User=name, X_Remote_Group="system:authenticated")

    authority = folder / "server" / "ca.crt"
    url = f"https://{running.place.host}:{registration.PORT}"
    kubeconfig = folder / "past.kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(_pointing(running.kubeconfig, url=url, authority=authority.read_bytes()))
    )
    return dataclasses.replace(
        through,
        way=Way.PAST,
        url=url,
        authority=authority,
        kubeconfig=kubeconfig,
        impersonate=impersonate,
    )


def _pointing(kubeconfig: Path, *, url: str, authority: bytes) -> Any:
    """The kubeconfig, with the same user and another address."""
    content = yaml.safe_load(kubeconfig.read_text())
    content["clusters"][0]["cluster"] = {
        "server": url,
        "certificate-authority-data": base64.b64encode(authority).decode(),
        "tls-server-name": f"trafficmetrics.{registration.NAMESPACE}.svc",
    }
    return content


def _administrator(running: cluster.Cluster) -> Credential:
    return Credential(
        certificate=running.files.certificate(identities.ADMIN), key=running.files.key(identities.ADMIN)
    )


def _front_proxy(running: cluster.Cluster) -> Credential:
    return Credential(
        certificate=running.files.certificate("front-proxy"), key=running.files.key("front-proxy")
    )
