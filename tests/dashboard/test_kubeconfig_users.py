"""What a kubeconfig asks for beyond an address and a token is done or refused, and never ignored."""

import contextlib
import pathlib
from typing import Any

import pytest
import yaml
from aiohttp import web

from dashboard.client import connection, faults, kubeconfig
from tests.fakes import secured


class _Recorder(secured.Server):
    """Answers every request, and keeps the headers of the last one."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self.headers: list[tuple[str, str]] = []

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        self.headers = [(name.decode(), value.decode()) for name, value in request.raw_headers]
        return web.json_response({})


def asked(server: _Recorder, folder: pathlib.Path, **user: Any) -> list[tuple[str, str]]:
    """Return the headers of impersonation that a request of this user has."""
    path = server.kubeconfig(folder / "config", token=server.token, **user)
    with contextlib.closing(connection.ApiConnection(kubeconfig.load([path]))) as made:
        made.get("/api")
    return [one for one in server.headers if one[0].startswith("Impersonate-")]


def test_a_user_acts_as_another_as_with_kubectl(tmp_path: pathlib.Path) -> None:
    user = {
        "as": "änn",
        "as-uid": "42",
        "as-groups": ["dev", "ops,all"],
        "as-user-extra": {"example.com/roles": ["reader", "writer"]},
    }
    with _Recorder() as server:
        assert asked(server, tmp_path, **user) == [
            ("Impersonate-User", "änn"),
            ("Impersonate-Uid", "42"),
            ("Impersonate-Group", "dev"),
            ("Impersonate-Group", "ops,all"),
            ("Impersonate-Extra-example.com%2Froles", "reader"),
            ("Impersonate-Extra-example.com%2Froles", "writer"),
        ]
        assert ("Authorization", f"Bearer {server.token}") in server.headers
        assert asked(server, tmp_path) == []


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({"as-groups": ["dev"]}, "no `as`"),
        ({"as": "ann", "as-groups": "dev"}, "no list of strings"),
        ({"as": "ann", "as-groups": [1]}, "no list of strings"),
        ({"as": "ann", "as-user-extra": ["a"]}, "no list of strings"),
        ({"as": "ann", "as-user-extra": {"a": "b"}}, "no list of strings"),
        ({"as": ["ann"]}, "is not a string"),
    ],
)
def test_a_wrong_impersonation_is_refused_before_anything_is_sent(
    user: dict[str, Any], says: str, tmp_path: pathlib.Path
) -> None:
    with _Recorder() as server:
        with pytest.raises(faults.Unconfigured, match=says):
            asked(server, tmp_path, **user)
        assert server.headers == []


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "ftp"])
def test_a_proxy_that_is_not_supported_is_refused(scheme: str, tmp_path: pathlib.Path) -> None:
    with _Recorder() as server:
        path = server.kubeconfig(tmp_path / "config")
        document = yaml.safe_load(path.read_text())
        document["clusters"][0]["cluster"]["proxy-url"] = f"{scheme}://127.0.0.1:1"
        path.write_text(yaml.safe_dump(document))
        with pytest.raises(
            faults.Unconfigured, match=f"proxy-url of cluster 'fake' is {scheme}://, and only"
        ):
            connection.ApiConnection(kubeconfig.load([path]))


def test_a_socks_proxy_of_the_environment_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config"
    with _Recorder() as server:
        document = yaml.safe_load(server.kubeconfig(path).read_text())
    document["clusters"][0]["cluster"]["server"] = "https://api.example:6443"
    path.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(faults.Unconfigured, match="HTTPS_PROXY"):
        connection.ApiConnection(kubeconfig.load([path]))
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    connection.ApiConnection(kubeconfig.load([path]))
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "api.example")
    connection.ApiConnection(kubeconfig.load([path]))


@pytest.mark.parametrize("user", [{"auth-provider": {"name": "oidc"}}, {"username": "ann", "password": "x"}])
def test_a_login_that_is_not_supported_is_refused(user: dict[str, Any], tmp_path: pathlib.Path) -> None:
    with _Recorder() as server:
        path = server.kubeconfig(tmp_path / "config", **user)
        made = connection.ApiConnection(kubeconfig.load([path]))
        with pytest.raises(faults.Unconfigured, match="not supported here"):
            made.get("/api")
