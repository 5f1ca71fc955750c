"""The image as a `restricted` pod, with a read-only root: each command, and the page."""

import datetime
import json
from typing import Any

import pytest

from demo import wait
from tests.cluster import cluster, commands
from tests.image import archive
from tests.installed import images

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.node,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(1800),
]

_NAMESPACE = "image"
_STATE = "/run/trafficmetrics"
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_WITHIN = 120.0
_ARTIFACTS = archive.PROJECT / ".artifacts"


def _pod(name: str, *, command: list[str], **more: Any) -> dict[str, Any]:
    container = {
        "name": "it",
        "image": images.PRODUCT.name,
        "command": command,
        "securityContext": _RESTRICTED,
        **more,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "spec": {
            "containers": [container],
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 2,
            "volumes": [{"name": "state", "emptyDir": {"medium": "Memory"}}],
        },
    }


async def _run(running: cluster.Cluster, tmp_path: Any, pod: dict[str, Any]) -> str:
    """Run a pod and return its name. The namespace demands `restricted` pods."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": _NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    file = tmp_path / "pod.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [namespace, pod]}))
    await commands.kubectl(running.kubeconfig, "apply", f"--filename={file}")
    name: str = pod["metadata"]["name"]
    return name


async def _said(running: cluster.Cluster, name: str) -> str:
    return await commands.kubectl(running.kubeconfig, "logs", name, f"--namespace={_NAMESPACE}")


async def _phase(running: cluster.Cluster, name: str) -> str:
    path = "--output=jsonpath={.status.phase}"
    return await commands.kubectl(running.kubeconfig, "get", "pod", name, f"--namespace={_NAMESPACE}", path)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["trafficmetrics-server", "--version"], "version 0.1.0"),
        (["trafficmetrics-dashboard", "--help"], "live graph"),
        (["kubectl-traffic", "--help"], "traffic of a service mesh"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
async def test_each_command_answers_in_a_restricted_pod(
    whole_cluster: cluster.Cluster, tmp_path: Any, command: list[str], says: str
) -> None:
    name = await _run(whole_cluster, tmp_path, _pod(command[0], command=command))

    async def ended() -> bool:
        return await _phase(whole_cluster, name) in {"Succeeded", "Failed"}

    await wait.until(ended, what=f"the end of {name}", within=_WITHIN)
    assert says in await _said(whole_cluster, name)
    assert await _phase(whole_cluster, name) == "Succeeded"


async def test_the_server_is_ready_with_a_read_only_root(
    whole_cluster: cluster.Cluster, image: archive.Archive, tmp_path: Any
) -> None:
    serve = [
        "trafficmetrics-server",
        "serve",
        "--listen=0.0.0.0:8443",
        "--prometheus=http://127.0.0.1:1",
        f"--state={_STATE}",
    ]
    probe = {"httpGet": {"path": "/livez", "port": 8443, "scheme": "HTTPS"}, "periodSeconds": 1}
    mount = [{"name": "state", "mountPath": _STATE}]
    name = await _run(
        whole_cluster,
        tmp_path,
        _pod("serving", command=serve, readinessProbe=probe, volumeMounts=mount),
    )

    ready = ("wait", f"pod/{name}", f"--namespace={_NAMESPACE}", "--for=condition=Ready")
    await commands.kubectl(whole_cluster.kubeconfig, *ready, f"--timeout={_WITHIN:.0f}s")
    status = await _status(whole_cluster, name)
    assert [one["imageID"] for one in status["containerStatuses"]] == [image.id]
    _keep(status)


async def _status(running: cluster.Cluster, name: str) -> dict[str, Any]:
    pod = ("get", "pod", name, f"--namespace={_NAMESPACE}", "--output=json")
    found: dict[str, Any] = json.loads(await commands.kubectl(running.kubeconfig, *pod))["status"]
    return found


def _keep(status: dict[str, Any]) -> None:
    """Record a duration for the page: a figure of this machine, which no test checks."""
    (container,) = status["containerStatuses"]
    (ready,) = (one for one in status["conditions"] if one["type"] == "Ready")
    started = datetime.datetime.fromisoformat(container["state"]["running"]["startedAt"])
    # A kubelet's times are whole seconds, and its probe runs once a second.
    taken = (datetime.datetime.fromisoformat(ready["lastTransitionTime"]) - started).total_seconds()
    assert taken >= 0
    _ARTIFACTS.mkdir(exist_ok=True)
    (_ARTIFACTS / "image.json").write_text(json.dumps({"seconds from start to Ready": taken}) + "\n")


async def test_the_dashboard_has_every_script_its_page_asks_for(
    whole_cluster: cluster.Cluster, tmp_path: Any
) -> None:
    """The image omits what the dashboard does not use; this test shows that it does not."""
    name = await _run(whole_cluster, tmp_path, _pod("page", command=["python", "-c", _PAGE]))

    async def ended() -> bool:
        return await _phase(whole_cluster, name) in {"Succeeded", "Failed"}

    await wait.until(ended, what=f"the end of {name}", within=_WITHIN)
    said = await _said(whole_cluster, name)
    answers = dict(json.loads(said.splitlines()[-1]))
    assert len(answers) > 10
    assert set(answers.values()) == {200}


_PAGE = """
import json, re
from dashboard.health import verdict
from dashboard.web import app

class Silent:
    def __getattr__(self, name):
        raise AssertionError(name)

thresholds = verdict.Thresholds(healthy=0.99, failing=0.95, handful=10, slow=1)
application = app.build(Silent(), thresholds=thresholds, host="127.0.0.1")
client, base = application.test_client(), "http://127.0.0.1:8050"
page = client.get("/", base_url=base).get_data(as_text=True)
asked = ["/", "/_dash-layout", "/_dash-dependencies", *re.findall(r'(?:src|href)="(/[^"]+)"', page)]
print(json.dumps([[path, client.get(path, base_url=base).status_code] for path in asked]))
"""
