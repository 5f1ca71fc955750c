"""The client sends the right requests and reports each kind of failure with its own message."""

import contextlib
import datetime as dt
import pathlib
import stat
import sys
from collections.abc import Callable

import pytest
import yaml

from dashboard.client import api, connection, faults, kinds, kubeconfig
from tests.fakes import traffic_api

Connect = Callable[[pathlib.Path], api.TrafficApi]
_GROUP = "/apis/metrics.smi-spec.io/v1alpha1"


def _edit(path: pathlib.Path, sort: str, **fields: object) -> None:
    document = yaml.safe_load(path.read_text())
    document[f"{sort}s"][0][sort] |= fields
    path.write_text(yaml.safe_dump(document))


def test_every_golden_item_arrives(client: api.TrafficApi, fake: traffic_api.FakeTrafficApi) -> None:
    assert [item.name for item in client.metrics()] == [item["metadata"]["name"] for item in fake.metrics]
    assert [item.name for item in client.edges()] == [item["metadata"]["name"] for item in fake.edges]


def test_a_question_is_spelled_as_the_api_wants_it(
    client: api.TrafficApi, fake: traffic_api.FakeTrafficApi
) -> None:
    client.metrics(namespace="shop", window="1m", labels="app=cart", described="Deployment")
    client.metrics(kinds.ROWS[1], namespace="shop")
    client.metrics(kinds.ROWS[-1], namespace="shop")
    assert list(fake.requests) == [
        f"{_GROUP}/namespaces/shop/trafficmetrics"
        "?window=1m&labelSelector=app%3Dcart&fieldSelector=resource.kind%3DDeployment",
        f"{_GROUP}/namespaces/shop/pods",
        f"{_GROUP}/nodes",
    ]


@pytest.mark.parametrize(
    ("mode", "fault", "message"),
    [
        ("unavailable", faults.Failed, "Prometheus at 127.0.0.1:9090 refuses connections"),
        ("denied", faults.Denied, "does not accept the credential: Unauthorized"),
        ("forbidden", faults.Denied, 'User "viewer" cannot list them. Ask for a role'),
        ("absent", faults.NotServed, "does not serve metrics.smi-spec.io/v1alpha1"),
        ("garbage", faults.Failed, "not a list of TrafficMetrics"),
    ],
)
def test_every_failure_has_its_own_words(
    client: api.TrafficApi,
    fake: traffic_api.FakeTrafficApi,
    mode: str,
    fault: type[faults.Fault],
    message: str,
) -> None:
    fake.mode = mode
    with pytest.raises(fault, match=message):
        client.metrics()


def test_a_server_that_hangs_is_given_up(
    fake: traffic_api.FakeTrafficApi, kubeconfig_file: pathlib.Path
) -> None:
    fake.mode = "hanging"
    impatient = connection.ApiConnection(kubeconfig.load([kubeconfig_file]), timeouts=(2.0, 0.2))
    with (
        contextlib.closing(api.TrafficApi(impatient)) as client,
        pytest.raises(faults.Unreachable, match="did not answer in time"),
    ):
        client.metrics()


def test_a_server_that_is_gone_is_named_with_its_address(
    connect: Connect, kubeconfig_file: pathlib.Path
) -> None:
    _edit(kubeconfig_file, "cluster", server="https://127.0.0.1:1")
    with pytest.raises(
        faults.Unreachable, match=r"https://127\.0\.0\.1:1 cannot be reached: Connection refused"
    ):
        connect(kubeconfig_file).metrics()


def test_a_certificate_of_somebody_else_is_not_trusted(
    connect: Connect, kubeconfig_file: pathlib.Path
) -> None:
    with traffic_api.FakeTrafficApi() as other:
        _edit(kubeconfig_file, "cluster", server=other.url)
        with pytest.raises(faults.Unreachable, match="cannot be verified"):
            connect(kubeconfig_file).metrics()


def test_verification_cannot_be_switched_off(kubeconfig_file: pathlib.Path) -> None:
    _edit(kubeconfig_file, "cluster", **{"insecure-skip-tls-verify": True})
    with pytest.raises(faults.Unconfigured, match="insecure-skip-tls-verify"):
        api.connect(str(kubeconfig_file))


def test_a_token_file_is_read_again_when_the_token_was_rotated(
    connect: Connect, fake: traffic_api.FakeTrafficApi, tmp_path: pathlib.Path
) -> None:
    token = tmp_path / "token"
    token.write_text("expired\n")
    client = connect(fake.kubeconfig(tmp_path / "config", tokenFile="token"))
    with pytest.raises(faults.Denied):
        client.metrics()
    token.write_text(fake.token + "\n")
    assert client.metrics()


def test_a_credential_plugin_is_asked_once_while_its_token_is_valid(
    fake: traffic_api.FakeTrafficApi, tmp_path: pathlib.Path
) -> None:
    client, asked, clock = _with_plugin(fake, tmp_path)
    with contextlib.closing(client):
        client.metrics()
        client.metrics()
        assert asked.read_text() == "asked\n"
        clock.append(dt.datetime(2026, 11, 22, 13, 0, 1, tzinfo=dt.UTC))
        client.metrics()
    assert asked.read_text() == "asked\nasked\n"


def _with_plugin(
    fake: traffic_api.FakeTrafficApi, tmp_path: pathlib.Path
) -> tuple[api.TrafficApi, pathlib.Path, list[dt.datetime]]:
    """Return a client with a token until 13:00, the file that its plugin writes to, and its clock."""
    asked = tmp_path / "asked"
    plugin = tmp_path / "plugin"
    plugin.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "assert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind'] == 'ExecCredential'\n"
        "open(sys.argv[1], 'a').write('asked\\n')\n"
        "print(json.dumps({'status': {'token': os.environ['TOKEN'],"
        " 'expirationTimestamp': '2026-11-22T13:00:00Z'}}))\n"
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./plugin",
        "args": [str(asked)],
        "env": [{"name": "TOKEN", "value": fake.token}],
    }
    clock = [dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)]
    context = kubeconfig.load([fake.kubeconfig(tmp_path / "config", exec=user)])
    return api.TrafficApi(connection.ApiConnection(context, now=lambda: clock[-1])), asked, clock


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-plugin-anywhere", "is not installed"),
        ("false", "exit code 1"),
        ("true", "is not an ExecCredential"),
    ],
)
def test_a_credential_plugin_that_fails_is_named(
    connect: Connect, fake: traffic_api.FakeTrafficApi, tmp_path: pathlib.Path, command: str, message: str
) -> None:
    client = connect(fake.kubeconfig(tmp_path / "config", exec={"command": command}))
    with pytest.raises(faults.Unconfigured, match=f"{command}.*{message}"):
        client.metrics()


def test_secrets_do_not_show_in_a_fault_or_a_representation(
    client: api.TrafficApi, fake: traffic_api.FakeTrafficApi
) -> None:
    fake.mode = "denied"
    with pytest.raises(faults.Denied) as caught:
        client.metrics()
    assert fake.token not in str(caught.value)
    assert fake.token not in repr(caught.value)
