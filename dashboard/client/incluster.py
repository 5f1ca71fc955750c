"""The API of the cluster that this process runs in, read with a viewer's token.

Address and CA come from what Kubernetes gives to every pod. The pod's own token is never read: each request
has the rights of a viewer.

https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

import dataclasses
import pathlib
from collections.abc import Mapping

from dashboard.client import api, connection, faults, kubeconfig

AUTHORITY = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


@dataclasses.dataclass(frozen=True, slots=True)
class InClusterAddress:
    """The address of the kube-apiserver and its CA file. The file is read again when it changes."""

    server: str
    authority: pathlib.Path

    def connect(self, token: str) -> api.TrafficApi:
        """The API, with `token` as the credential."""
        here = self.authority.parent
        fields = {"server": self.server, "certificate-authority": str(self.authority)}
        return api.TrafficApi(
            connection.ApiConnection(
                kubeconfig.Context(
                    name="in-cluster",
                    namespace="default",
                    cluster=kubeconfig.Entry(name="in-cluster", fields=fields, directory=here),
                    user=kubeconfig.Entry(name="viewer", fields={"token": token}, directory=here),
                    origin="the dashboard's environment",
                )
            )
        )


def find(environ: Mapping[str, str], *, authority: pathlib.Path = AUTHORITY) -> InClusterAddress:
    """The cluster of this pod. Raises `faults.Unconfigured` outside a pod, or without the CA file."""
    host, port = environ.get(_HOST, ""), environ.get(_PORT, "")
    if not host or not port:
        raise faults.Unconfigured(
            f"This is not a pod: {_HOST} and {_PORT} are not set. Use --kubeconfig outside a cluster."
        )
    if not authority.is_file():
        raise faults.Unconfigured(
            f"The CA file {authority} does not exist. Mount the ConfigMap kube-root-ca.crt there, "
            "or give its path with --authority."
        )
    return InClusterAddress(f"https://{f'[{host}]' if ':' in host else host}:{port}", authority.absolute())
