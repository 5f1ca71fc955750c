"""Keeps the CA bundle of this server's APIServices, by which the kube-apiserver verifies its certificate.

They are checked every few seconds, so one that is created again or changed by hand is corrected. An
APIService that refers to another Service belongs to another adapter and is never changed. Neither is one with
cert-manager's annotation, as cert-manager sets its CA bundle.

The change is a merge patch with the resource version that was read. So it fails if the APIService has been
given to another Service meanwhile. Server-side apply would make this server the owner of the field.
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


class ApiServices:
    """The APIServices of one server. `namespace` and `service` name its Service."""

    def __init__(
        self, api: client.KubeApi, *, api_services: Sequence[str], namespace: str, service: str
    ) -> None:
        self._api = api
        self._names = api_services
        self._service = {"namespace": namespace, "name": service}
        self._throttled = throttled_log.ThrottledLog(_log, every=600.0)

    async def publish(self, authorities: bytes) -> bool:
        """Puts the CA certificates (PEM) into all APIServices of this server.

        True if all of them had these already. Raises `client.KubeApiError`.
        """
        bundle = base64.b64encode(authorities).decode()
        return all([await self._publish(name, bundle) for name in self._names])

    async def _publish(self, name: str, bundle: str) -> bool:
        try:
            found = await self._api.get(f"{_PATH}/{name}", query={})
            if self._belongs_to_another(name, _part(found, "spec")):
                return True
            return await self._correct(name, found, bundle)
        except client.Refused as error:
            return self._is_missing(name, error)

    async def _correct(self, name: str, found: Mapping[str, Any], bundle: str) -> bool:
        metadata = _part(found, "metadata")
        if _part(found, "spec").get("caBundle") == bundle or _INJECTED in _part(metadata, "annotations"):
            return True
        seen = {"resourceVersion": metadata.get("resourceVersion")}
        await self._api.patch(f"{_PATH}/{name}", body={"metadata": seen, "spec": {"caBundle": bundle}})
        _log.info("APIService %s now has the CA bundle of this server", name)
        return False

    def _belongs_to_another(self, name: str, spec: Mapping[str, Any]) -> bool:
        named = _part(spec, "service")
        if all(named.get(key) == value for key, value in self._service.items()):
            return False
        theirs = f"Service {named.get('namespace')}/{named.get('name')}"
        whose = theirs if named else "the kube-apiserver itself"
        ours = f"{self._service['namespace']}/{self._service['name']}"
        self._throttled.warn(
            f"APIService {name} belongs to {whose}, not to this server ({ours}): it stays as it is, and this "
            "server gets no requests for its group; to change that, remove it from the other adapter, "
            f"run `kubectl delete apiservice {name}`, and install this server's again"
        )
        return True

    def _is_missing(self, name: str, error: client.Refused) -> bool:
        """Whether the APIService does not exist. Logs the reason and the remedy for every error."""
        match error.code:
            case 404:
                self._throttled.warn(
                    f"there is no APIService {name}: until it is installed, this server gets no requests"
                )
                return True
            case 409:
                _log.info("APIService %s changed meanwhile, and is read again", name)
            case 403:
                hint = rbac_hints.to_register(str(error), api_service=name)
                self._throttled.warn(
                    f"the CA bundle of APIService {name} cannot be set: {error}; allow it with: {hint}"
                )
            case _:
                self._throttled.warn(f"the CA bundle of APIService {name} cannot be set: {error}")
        return False


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}
