"""The adapter that had the autoscaler's APIs before: a pod of ours that has the number of waiting orders.

It returns the account of the request, and has a certificate for its Service's name, signed by its own
authority.
"""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.apiservice import pki
from tests.installed import images
from tests.installed import site as sites
from tests.metrics_server import other_adapter

NAME, NAMESPACE = "orders", "queues"
METRIC = "orders_waiting"
_PORT = 6443
_FOLDER = "/etc/orders"
_PROGRAM = f"""
import base64, http.server, json, ssl

class Orders(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        claims = token.split(".")[1] if "." in token else ""
        account = json.loads(base64.urlsafe_b64decode(claims + "==") or "{{}}").get("sub")
        known = "{METRIC}" in self.path
        told = {{"kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1",
                "items": [], "account": account}}
        refusal = {{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
                   "code": 404, "message": "orders knows nothing of " + self.path}}
        body = json.dumps(told if known else refusal).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

served = http.server.ThreadingHTTPServer(("", {_PORT}), Orders)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("{_FOLDER}/tls.crt", "{_FOLDER}/tls.key")
served.socket = tls.wrap_socket(served.socket, server_side=True)
served.serve_forever()
"""


@contextlib.asynccontextmanager
async def running(site: sites.Site, folder: Path, *, authority: pki.Identity) -> AsyncIterator[None]:
    """Run it until the block is left; the block begins when it is ready."""
    manifest = _written(folder, authority)
    try:
        await site.kubectl("apply", f"--filename={manifest}")
        await site.kubectl(
            "rollout", "status", f"deployment/{NAME}", f"--namespace={NAMESPACE}", "--timeout=90s"
        )
        yield
    finally:
        await site.kubectl("delete", "--ignore-not-found", "--wait", f"--filename={manifest}")


def _written(folder: Path, authority: pki.Identity) -> Path:
    folder.mkdir(exist_ok=True)
    manifest = folder / "previous.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": _objects(authority)}))
    return manifest


def _objects(authority: pki.Identity) -> list[dict[str, Any]]:
    identity = other_adapter.certified(authority, name=f"{NAME}.{NAMESPACE}.svc")
    labels, metadata = {"app": NAME}, {"name": NAME, "namespace": NAMESPACE}
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532},
        "containers": [
            {
                "name": NAME, "image": images.PRODUCT.name, "imagePullPolicy": "Never",
                "command": ["python", "-c", _PROGRAM],
                "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
                "volumeMounts": [{"name": "pair", "mountPath": _FOLDER}],
            }
        ],
        "volumes": [{"name": "pair", "secret": {"secretName": NAME, "defaultMode": 0o440}}],
    }  # fmt: skip
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata,
            "stringData": {"tls.crt": identity.pem.decode(), "tls.key": identity.key_pem.decode()},
        },
        {
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 443, "targetPort": _PORT}]},
        },
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]  # fmt: skip
