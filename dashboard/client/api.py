"""Read the API's lists as values."""

import urllib.parse
from collections.abc import Mapping

from dashboard.client import connection, faults, kinds, kubeconfig, traffic

_GROUP = "/apis/metrics.smi-spec.io/v1alpha1"
_AUTHENTICATION = "authentication.k8s.io/v1"


class TrafficApi:
    """Reads `metrics.smi-spec.io`. Safe to use from several threads."""

    def __init__(self, link: connection.ApiConnection) -> None:
        self._link = link

    @property
    def context(self) -> kubeconfig.Context:
        """The kubeconfig context that is used."""
        return self._link.context

    def metrics(
        self,
        row: kinds.ResourceKind = kinds.WORKLOADS,
        *,
        namespace: str | None = None,
        window: str | None = None,
        labels: str | None = None,
        described: str | None = None,
    ) -> tuple[traffic.Traffic, ...]:
        """One item for each resource of a row's kind.

        `namespace=None` reads all namespaces, `labels` is a label selector, `described` the kind of the
        resources. Raises `faults.Fault`.
        """
        return self._list(row, namespace, _parameters(window, labels, described))

    def edges(
        self, *, namespace: str | None = None, window: str | None = None, described: str | None = None
    ) -> tuple[traffic.Traffic, ...]:
        """One item for each edge. Raises `faults.Fault`."""
        return self._list(
            kinds.ResourceKind("trafficedges", None), namespace, _parameters(window, None, described)
        )

    def whoami(self) -> str:
        """The user name of the credential. Raises `faults.Unauthenticated` if the API does not accept it."""
        review = {"apiVersion": _AUTHENTICATION, "kind": "SelfSubjectReview"}
        answer = self._link.review(f"/apis/{_AUTHENTICATION}/selfsubjectreviews", body=review)
        try:
            return str(answer["status"]["userInfo"]["username"])
        except (KeyError, TypeError) as error:
            raise faults.Failed("The API's answer to a SelfSubjectReview has no user name.") from error

    def close(self) -> None:
        """Close the connections."""
        self._link.close()

    def _list(
        self, row: kinds.ResourceKind, namespace: str | None, parameters: Mapping[str, str]
    ) -> tuple[traffic.Traffic, ...]:
        if namespace in (".", ".."):
            # An HTTP client or proxy would resolve it as a path segment and request another path.
            raise faults.Failed(f'namespaces "{namespace}" not found')
        place = (
            f"/namespaces/{urllib.parse.quote(namespace, safe='')}" if namespace and row.namespaced else ""
        )
        return traffic.decode_list(self._link.get(f"{_GROUP}{place}/{row.plural}", params=parameters))


def _parameters(window: str | None, labels: str | None, described: str | None) -> Mapping[str, str]:
    wanted = {
        "window": window,
        "labelSelector": labels,
        "fieldSelector": f"resource.kind={described}" if described else None,
    }
    return {name: value for name, value in wanted.items() if value}


def connect(kubeconfig_path: str | None = None, *, context: str | None = None) -> TrafficApi:
    """The API that kubectl would use with this kubeconfig and context. Raises `faults.Unconfigured`."""
    chosen = kubeconfig.load(kubeconfig.paths(kubeconfig_path), context=context)
    return TrafficApi(connection.ApiConnection(chosen))
