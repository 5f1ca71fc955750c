"""Replicas that share a certificate in a Secret and publish its authority in the APIService."""

import base64
import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from apiservice.kube import client
from apiservice.tls import ca_bundle, rotation, secret_store, self_signed
from demo import wait
from tests.fakes import objects

SECRET = "/api/v1/namespaces/mesh/secrets/serving"
API_SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1.fruit.example"
ANOTHERS = "/apis/apiregistration.k8s.io/v1/apiservices/v1.nuts.example"
POLICY = rotation.CertificatePolicy(name="fruit", hosts=("fruit.mesh.svc",), life=timedelta(days=90))
DUE = timedelta(days=61)


@dataclasses.dataclass(slots=True)
class Clock:
    now: datetime = datetime(2026, 1, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclasses.dataclass(slots=True)
class Scene:
    """A cluster with an empty Secret, our APIService without authorities, and one of another server."""

    api: client.KubeApi
    cluster: objects.Objects
    folder: pathlib.Path
    clock: Clock = dataclasses.field(default_factory=Clock)

    @contextlib.asynccontextmanager
    async def replica(
        self, name: str = "a", *, settle: float = 0.0, patience: float = 0.1
    ) -> AsyncIterator[self_signed.Certificates]:
        async with secret_store.kept(
            self.api,
            place=secret_store.SecretLocation(namespace="mesh", secret="serving", folder=self.folder / name),
            registered=ca_bundle.ApiServices(
                self.api,
                api_services=["v1.fruit.example", "v1.nuts.example"],
                namespace="mesh",
                service="fruit",
            ),
            policy=POLICY,
            clock=self.clock,
            pace=secret_store.RotationTimes(every=0.01, settle=settle, patience=patience),
        ) as files:
            yield files

    @property
    def bundle(self) -> bytes:
        return base64.b64decode(self.cluster.held[API_SERVICE]["spec"].get("caBundle", ""))

    @property
    def data(self) -> dict[str, str]:
        found: dict[str, str] = self.cluster.held[SECRET].get("data", {})
        return found


def api_service(service: str = "fruit", **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "v1.fruit.example", "annotations": annotations},
        "spec": {"service": {"namespace": "mesh", "name": service}, "group": "fruit.example"},
    }


async def rounds(scene: Scene) -> None:
    """Wait until the replicas have read the Secret eight more times."""
    enough = scene.cluster.asked[SECRET] + 8

    async def passed() -> bool:
        return scene.cluster.asked[SECRET] >= enough

    await wait.until(passed, what="a few rounds", within=10)


def is_trusted(files: self_signed.Certificates, bundle: bytes) -> bool:
    own = x509.load_pem_x509_certificate(files.serving.read_bytes())
    authorities = x509.load_pem_x509_certificates(bundle) if bundle else []
    return any(own.issuer == each.subject and is_signed(own, each) for each in authorities)


def is_signed(own: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        own.verify_directly_issued_by(by)
    except Exception:
        return False
    return True
