"""What the kube-apiserver is told of this server: in each APIService, whose certificate it is to trust.

Looked at every few seconds: one that is deleted and made again, or changed by hand, is put right. One that
names another Service is somebody else's and never touched; one with cert-manager's annotation is its own.

A merge patch that carries the version looked at, instead of server-side apply: nobody can have made the
APIService another's between the look and the change, and the field stays free for whoever is told to own it.
"""

import base64
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from apiservice.kube import client, rbac_hints
from apiservice.runtime import throttled_log

_log = logging.getLogger(__name__)
_PATH = "/apis/apiregistration.k8s.io/v1/apiservices"
_INJECTED = "cert-manager.io/inject-ca-from"


class Registration:
    """The APIServices of one server, whose Service is `namespace` and `service`."""

    def __init__(
        self, api: client.KubeApi, *, api_services: Sequence[str], namespace: str, service: str
    ) -> None:
        self._api = api
        self._names = api_services
        self._service = {"namespace": namespace, "name": service}
        self._complaints = throttled_log.Complaints(_log, every=600.0)

    async def publish(self, authorities: bytes) -> bool:
        """Have these trusted, in PEM. True if they were already, wherever this server is asked for.

        Raises `client.KubeApiError`.
        """
        bundle = base64.b64encode(authorities).decode()
        return all([await self._publish(name, bundle) for name in self._names])

    async def _publish(self, name: str, bundle: str) -> bool:
        try:
            found = await self._api.get(f"{_PATH}/{name}", query={})
            if self._is_another_s(name, _part(found, "spec")):
                return True
            return await self._put_right(name, found, bundle)
        except client.Refused as error:
            return self._is_missing(name, error)

    async def _put_right(self, name: str, found: Mapping[str, Any], bundle: str) -> bool:
        metadata = _part(found, "metadata")
        if _part(found, "spec").get("caBundle") == bundle or _INJECTED in _part(metadata, "annotations"):
            return True
        seen = {"resourceVersion": metadata.get("resourceVersion")}
        await self._api.patch(f"{_PATH}/{name}", body={"metadata": seen, "spec": {"caBundle": bundle}})
        _log.info("APIService %s trusts the serving certificates of this server", name)
        return False

    def _is_another_s(self, name: str, spec: Mapping[str, Any]) -> bool:
        named = _part(spec, "service")
        if all(named.get(key) == value for key, value in self._service.items()):
            return False
        theirs = f"Service {named.get('namespace')}/{named.get('name')}"
        whose = theirs if named else "the kube-apiserver itself"
        ours = f"{self._service['namespace']}/{self._service['name']}"
        self._complaints.warn(
            f"APIService {name} belongs to {whose}, not to this server ({ours}): it stays as it is, and this "
            "server is not asked for what it registers; to have it asked, let the owner give it up, "
            f"`kubectl delete apiservice {name}`, and install this server's again"
        )
        return True

    def _is_missing(self, name: str, error: client.Refused) -> bool:
        """Whether there is nobody to be told; says what is in the way otherwise."""
        match error.code:
            case 404:
                self._complaints.warn(
                    f"there is no APIService {name}: until one is installed, nobody is sent here"
                )
                return True
            case 409:
                _log.info("APIService %s changed meanwhile, and is looked at again", name)
            case 403:
                hint = rbac_hints.to_register(str(error), api_service=name)
                self._complaints.warn(f"APIService {name} cannot be kept: {error}; allow it with: {hint}")
            case _:
                self._complaints.warn(f"APIService {name} cannot be kept: {error}")
        return False


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}
