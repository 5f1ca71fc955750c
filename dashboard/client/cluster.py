"""Read what the HPA controller reads: the HPAs, their targets, the targets' pods and the metrics APIs.

The requests are those of the HPA controller, so the answers are the ones that it gets. Nothing is written.
"""

import dataclasses
import datetime as dt
import urllib.parse
from collections.abc import Mapping
from typing import Any

from dashboard.client import autoscaler, connection, faults, kubeconfig, measures

_HPAS = "/apis/autoscaling/v2"
_NOT_FOUND, _FORBIDDEN = 404, 403


@dataclasses.dataclass(frozen=True, slots=True)
class Scale:
    """A `scale` subresource: `spec.replicas`, `status.replicas` and the label selector of the pods."""

    replicas: int
    current_replicas: int
    selector: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """The fields of a pod that the HPA controller uses."""

    name: str
    phase: str
    ready: bool
    terminating: bool = False  # has a deletionTimestamp
    started: dt.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ApiService:
    """An APIService: the Service that serves the group (`namespace/name`), and why it is not available."""

    service: str
    unavailable_reason: str


class ClusterReader:
    """Reads a Kubernetes API. Safe to use from several threads."""

    def __init__(self, link: connection.ApiConnection) -> None:
        self._link = link
        self._served: dict[str, tuple[str, Mapping[str, str]]] = {}

    @property
    def context(self) -> kubeconfig.Context:
        """The kubeconfig context that is used."""
        return self._link.context

    def close(self) -> None:
        """Close the connections."""
        self._link.close()

    def hpas(self, *, namespace: str | None) -> tuple[autoscaler.Autoscaler, ...]:
        """The HPAs of a namespace, or of all."""
        place = f"/namespaces/{_quoted(namespace)}" if namespace else ""
        found = self._read(f"{_HPAS}{place}/horizontalpodautoscalers")
        return tuple(autoscaler.decode(item) for item in found.get("items") or [])

    def hpa(self, namespace: str, name: str) -> autoscaler.Autoscaler:
        """One HPA. Raises `faults.Failed` if there is none of that name."""
        path = f"{_HPAS}/namespaces/{_quoted(namespace)}/horizontalpodautoscalers/{_quoted(name)}"
        answer = self._link.read(path)
        if answer.status == _NOT_FOUND and "not found" in answer.message:
            raise faults.Failed(
                f"There is no HorizontalPodAutoscaler {name} in namespace {namespace}. "
                "Leave out the name to see all of the namespace, or use -A for all namespaces."
            )
        return autoscaler.decode(self._document(answer, path))

    def resource(self, reference: autoscaler.Reference) -> str:
        """The plural name of a kind, as `deployments`. Raises `faults.NotServed` for an unknown kind."""
        return self._resource(reference)[1]

    def scale(self, namespace: str, reference: autoscaler.Reference) -> Scale:
        """The `scale` subresource of an HPA's target."""
        api_path, resource = self._resource(reference)
        path = f"{api_path}/namespaces/{_quoted(namespace)}/{resource}"
        found = self._read(f"{path}/{_quoted(reference.name)}/scale")
        status = found.get("status") or {}
        replicas = (found.get("spec") or {}).get("replicas", 0)
        return Scale(replicas, status.get("replicas", 0), str(status.get("selector", "")))

    def pods(self, namespace: str, *, selector: str) -> tuple[Pod, ...]:
        """The pods that match a label selector."""
        found = self._read(f"/api/v1/namespaces/{_quoted(namespace)}/pods", {"labelSelector": selector})
        return tuple(_pod(item) for item in found.get("items") or [])

    def version(self, group: str) -> str | None:
        """The version of a metrics group that the HPA controller uses; None if the group is not served."""
        answer = self._link.read(f"/apis/{group}")
        if answer.status == _NOT_FOUND:
            return None
        offered = self._document(answer, f"/apis/{group}")
        names = [one.get("version") for one in offered.get("versions") or []]
        preferred = (offered.get("preferredVersion") or {}).get("version")
        known = measures.VERSIONS[group]
        return next((name for name in (preferred, *names) if name in known), None)

    def api_service(self, group: str, *, version: str) -> ApiService | None:
        """A group's APIService, or None. Raises `faults.Denied` without the right to read APIServices."""
        path = f"/apis/apiregistration.k8s.io/v1/apiservices/{version}.{group}"
        answer = self._link.read(path)
        if answer.status == _NOT_FOUND:
            return None
        found = self._document(answer, path)
        service = (found.get("spec") or {}).get("service") or {}
        conditions = (found.get("status") or {}).get("conditions") or []
        available: Mapping[str, str] = next((one for one in conditions if one.get("type") == "Available"), {})
        failing = available.get("status") == "False"
        unavailable_reason = (
            f"{available.get('reason', '')}: {available.get('message', '')}" if failing else ""
        )
        return ApiService(f"{service.get('namespace', '')}/{service.get('name', '')}", unavailable_reason)

    def send(self, request: measures.ApiRequest) -> connection.ApiAnswer:
        """The answer to a request of the HPA controller, sent with the caller's credential."""
        return self._link.read(request.path, params=request.parameters)

    def _resource(self, reference: autoscaler.Reference) -> tuple[str, str]:
        """API path and plural name of a kind, of any version of its group, as the HPA controller does it."""
        api_version = reference.api_version
        if api_version not in self._served:
            self._served[api_version] = self._discover(api_version)
        api_path, kinds = self._served[api_version]
        if reference.kind not in kinds:
            empty = "" if api_version else ", which is what an empty apiVersion means"
            raise faults.NotServed(
                f"the cluster has no kind {reference.kind} in {api_version or 'v1'}{empty}"
            )
        return api_path, kinds[reference.kind]

    def _discover(self, api_version: str) -> tuple[str, Mapping[str, str]]:
        api_path = _api_path(api_version)
        answer = self._link.read(api_path)
        group = api_version.rpartition("/")[0]
        if answer.status == _NOT_FOUND and group:
            others = self._link.read(f"/apis/{group}")
            if others.status == _NOT_FOUND:
                return api_path, {}
            api_path = f"/apis/{self._document(others, api_path)['preferredVersion']['groupVersion']}"
            answer = self._link.read(api_path)
        found = self._document(answer, api_path).get("resources") or []
        return api_path, {one["kind"]: one["name"] for one in found if "/" not in one["name"]}

    def _read(self, path: str, parameters: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return self._document(self._link.read(path, params=parameters), path)

    def _document(self, answer: connection.ApiAnswer, path: str) -> Mapping[str, Any]:
        server = self.context.cluster.text("server")
        if answer.is_success:
            document: Mapping[str, Any] = answer.document
            return document
        if answer.status == 401:
            raise faults.Unauthenticated(
                f"The API at {server} does not accept the credential. "
                f"Log in again, or check the user in {self.context.origin}."
            )
        if answer.status == _FORBIDDEN:
            raise faults.Denied(answer.message or f"{path} is forbidden")
        if answer.status == _NOT_FOUND and path.startswith(_HPAS):
            raise faults.NotServed(
                f"{server} has no HorizontalPodAutoscalers (autoscaling/v2). A TrafficMetrics server on its "
                "own has none. Use the kubeconfig of the cluster that has the HPAs."
            )
        raise faults.Failed(
            answer.message
            or f"{server} answered {path} with status {answer.status} and no message. Look into its log."
        )


def connect(kubeconfig_path: str | None = None, *, context: str | None = None) -> ClusterReader:
    """The cluster that kubectl would use with this kubeconfig and context. Raises `faults.Unconfigured`."""
    chosen = kubeconfig.load(kubeconfig.paths(kubeconfig_path), context=context)
    return ClusterReader(connection.ApiConnection(chosen))


def _pod(item: Mapping[str, Any]) -> Pod:
    status = item.get("status") or {}
    conditions = status.get("conditions") or []
    return Pod(
        name=item["metadata"]["name"],
        phase=status.get("phase", ""),
        ready=any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions),
        terminating="deletionTimestamp" in item["metadata"],
        started=dt.datetime.fromisoformat(status["startTime"]) if "startTime" in status else None,
    )


def _api_path(api_version: str) -> str:
    """The API path of a group and version: `/apis/apps/v1`, or `/api/v1` for the core group."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version or 'v1'}"


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")
