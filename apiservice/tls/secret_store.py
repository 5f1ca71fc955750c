"""The serving certificate of all replicas, kept in one Secret and renewed by any of them.

A round reads the Secret, publishes its CA certificates, does the next step of `rotation`, and writes the
certificate in use to local files, from which TLS reads it. The order matters: a certificate is used only
after the kube-apiserver knows its CA. If two replicas write the Secret at the same time, the second gets a
conflict and begins again. No leader is elected; if a replica stops half-way, another one continues.
"""

import asyncio
import base64
import binascii
import contextlib
import dataclasses
import logging
import pathlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

from apiservice.kube import client, rbac_hints
from apiservice.runtime import files, throttled_log
from apiservice.tls import ca_bundle, rotation, self_signed

_log = logging.getLogger(__name__)
_KEYS = {
    "certificate": "tls.crt",
    "key": "tls.key",
    "next_certificate": "next.crt",
    "next_key": "next.key",
    "authorities": "ca.crt",
}
_CONFLICT, _FORBIDDEN, _MISSING = 409, 403, 404
_STEPS = 8
"""Greatest number of steps in a round; two are usual."""
_PRIVATE, _PUBLIC = 0o600, 0o644


class NoSecret(Exception):
    """The Secret is missing or cannot be read or written. The message says what to do."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SecretLocation:
    """A Secret, and the folder for this replica's copy of the certificate."""

    namespace: str
    secret: str
    folder: pathlib.Path

    @property
    def path(self) -> str:
        """The URL path of the Secret."""
        return f"/api/v1/namespaces/{self.namespace}/secrets/{self.secret}"

    @property
    def files(self) -> self_signed.Certificates:
        """The files of the copy."""
        return self_signed.Certificates(authority=self.folder / "ca.crt", serving=self.folder / "serving.pem")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RotationTimes:
    """The times of the rotation, in seconds."""

    every: float = 5.0
    """Between two rounds; each reads the Secret and the APIServices."""
    settle: float = 120.0
    """Between publishing a CA and using its certificate. By then every kube-apiserver must know the CA, also
    one that starts slowly.
    """
    patience: float = 40.0
    """At start, for a Secret that cannot be used. It is less than the minute after which the startup probe in
    the manifests ends the container, so that the log has the reason before.
    """


class CertificateKeeper:
    """Keeps the Secret, the APIServices and the local files up to date. `kept` runs it."""

    def __init__(
        self,
        api: client.KubeApi,
        *,
        place: SecretLocation,
        registered: ca_bundle.ApiServices,
        policy: rotation.CertificatePolicy,
        pace: RotationTimes,
        clock: Callable[[], datetime],
    ) -> None:
        self._api = api
        self._place = place
        self._registered = registered
        self._policy = policy
        self._pace = pace
        self._clock = clock
        self._served = rotation.NOTHING
        self._published: tuple[bytes, float] | None = None
        """The CA certificates in all APIServices, and the time since when they are there."""
        self._throttled = throttled_log.ThrottledLog(_log)

    async def first(self) -> None:
        """Waits until there is a certificate, also while the kube-apiserver is unavailable.

        Raises `NoSecret` if the Secret is refused for longer than `patience`.
        """
        given_up = _uptime() + self._pace.patience
        while True:
            try:
                return await self.round()
            except client.Refused as error:
                if _uptime() >= given_up:
                    raise NoSecret(self._advice(error)) from error
                self._throttled.warn(self._advice(error))
            except client.KubeApiError as error:
                self._throttled.warn(f"waiting for the kube-apiserver, to get a serving certificate: {error}")
            await asyncio.sleep(min(self._pace.every, 1.0))

    async def run(self) -> None:
        """Repeats rounds until it is cancelled."""
        while True:
            await asyncio.sleep(self._pace.every)
            try:
                await self.round()
            except client.Refused as error:
                self._throttled.warn(f"{self._advice(error)}; the certificate stays as it is")
            except client.KubeApiError as error:
                self._throttled.warn(f"the serving certificate stays as it is: {error}")
            except OSError as error:
                where = files.explained(error, path=self._place.folder)
                self._throttled.warn(f"the serving certificate stays as it is: {where}")
            except Exception:
                # This task must go on: that it has ended is noticed only when the certificate expires.
                _log.exception("a defect while keeping the serving certificate")

    async def round(self) -> None:
        """Does all steps that are due, and writes the local files.

        Raises `client.KubeApiError`, `OSError`.
        """
        for _ in range(_STEPS):
            found = await self._api.get(self._place.path, query={})
            content = _content(found)
            step = self._next(content, settled=False)
            if step is None and await self._settled(content.authorities):
                step = self._next(content, settled=True)
            if step is None:
                return self._write(content)
            await self._replace(found, step)
        raise client.Unreachable(f"{self._place.path} still changes after {_STEPS} steps")

    def _next(self, content: rotation.Content, *, settled: bool) -> rotation.Step | None:
        return rotation.step(
            content, policy=self._policy, now=self._clock(), settled=settled, served=self._served
        )

    async def _settled(self, authorities: bytes) -> bool:
        """Publishes the CA certificates. True if they have been published for long enough."""
        if not await self._registered.publish(authorities):
            self._published = None
            return False
        if self._published is None or self._published[0] != authorities:
            self._published = (authorities, _uptime())
        return _uptime() - self._published[1] >= self._pace.settle

    async def _replace(self, found: Mapping[str, Any], step: rotation.Step) -> None:
        """Writes the step to the Secret. After a conflict it does nothing, as the Secret is read again."""
        data = {
            _KEYS[name]: base64.b64encode(value).decode()
            for name, value in dataclasses.asdict(step.content).items()
            if value
        }
        others = {key: value for key, value in _data(found).items() if key not in _KEYS.values()}
        try:
            await self._api.put(self._place.path, body={**found, "data": {**others, **data}})
        except client.Refused as error:
            if error.code != _CONFLICT:
                raise
            return
        until = rotation.until(step.content)
        _log.info("%s: %s; the certificate in use is valid until %s", self._where, step.why, until)

    def _write(self, content: rotation.Content) -> None:
        for path, text, mode in (
            (self._place.files.authority, content.authorities, _PUBLIC),
            (self._place.files.serving, content.key + content.certificate, _PRIVATE),
        ):
            if not path.exists() or path.read_bytes() != text:
                files.write(path, content=text, mode=mode)
        self._served = content

    @property
    def _where(self) -> str:
        return f"Secret {self._place.namespace}/{self._place.secret}"

    def _advice(self, error: client.Refused) -> str:
        namespace, secret = self._place.namespace, self._place.secret
        if error.code == _MISSING:
            return (
                f"there is no {self._where} for the serving certificate; apply the manifests, which create "
                f"it, or run: kubectl create secret generic --namespace={namespace} {secret}"
            )
        why = f"{self._where} cannot be read or written: {error}"
        if error.code != _FORBIDDEN:
            return why
        remedy = rbac_hints.to_keep_secret(str(error), namespace=namespace, secret=secret)
        return f"{why}; allow it with: {remedy}"


@contextlib.asynccontextmanager
async def kept(
    api: client.KubeApi,
    *,
    place: SecretLocation,
    registered: ca_bundle.ApiServices,
    policy: rotation.CertificatePolicy,
    clock: Callable[[], datetime],
    pace: RotationTimes | None = None,
) -> AsyncIterator[self_signed.Certificates]:
    """Files with the certificate in use, kept up to date until the block is left. Raises `NoSecret`."""
    place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keeper = CertificateKeeper(
        api, place=place, registered=registered, policy=policy, pace=pace or RotationTimes(), clock=clock
    )
    await keeper.first()
    running = asyncio.create_task(keeper.run(), name="serving certificate")
    try:
        yield place.files
    finally:
        running.cancel()
        await asyncio.wait((running,))


def _uptime() -> float:
    """The event loop's monotonic clock, in seconds."""
    return asyncio.get_running_loop().time()


def _data(secret: Mapping[str, Any]) -> Mapping[str, Any]:
    data = secret.get("data")
    return data if isinstance(data, dict) else {}


def _content(secret: Mapping[str, Any]) -> rotation.Content:
    texts = _data(secret)
    return rotation.Content(**{name: _decoded(texts.get(key)) for name, key in _KEYS.items()})


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error:
        return b""
