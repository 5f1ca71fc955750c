"""The API of the cluster that this process runs in, for whoever brings a token.

Only the address and the authorities are taken from the pod, as Kubernetes gives them to every pod. Its own
credential is never read: what is asked is asked with the rights of the viewer, or not at all.

https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

import dataclasses
import pathlib
from collections.abc import Mapping

from dashboard.client import api, connection, faults, kubeconfig

AUTHORITY = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


@dataclasses.dataclass(frozen=True, slots=True)
class Cluster:
    """Where the API is and who vouches for it. The authority's file may change at any time."""

    server: str
    authority: pathlib.Path

    def connect(self, token: str) -> api.TrafficApi:
        """The API as the owner of `token` may see it."""
        here = self.authority.parent
        fields = {"server": self.server, "certificate-authority": str(self.authority)}
        return api.TrafficApi(
            connection.Connection(
                kubeconfig.Context(
                    name="in-cluster",
                    namespace="default",
                    cluster=kubeconfig.Entry(name="in-cluster", fields=fields, directory=here),
                    user=kubeconfig.Entry(name="viewer", fields={"token": token}, directory=here),
                    origin="the dashboard's environment",
                )
            )
        )


def find(environ: Mapping[str, str], *, authority: pathlib.Path = AUTHORITY) -> Cluster:
    """The cluster around this process; `faults.Unconfigured` where there is none."""
    host, port = environ.get(_HOST, ""), environ.get(_PORT, "")
    if not host or not port:
        raise faults.Unconfigured(
            f"This is not a pod: {_HOST} and {_PORT} are not set. Use --kubeconfig outside a cluster."
        )
    if not authority.is_file():
        raise faults.Unconfigured(
            f"There is no {authority} to know the API by. Mount the ConfigMap kube-root-ca.crt there, "
            "or say with --authority where it is."
        )
    return Cluster(f"https://{f'[{host}]' if ':' in host else host}:{port}", authority.absolute())
