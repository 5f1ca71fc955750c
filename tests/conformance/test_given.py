"""A given API is read with the credentials of its kubeconfig."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import faults
from tests.conformance import given

_WHERE = {
    "CONFORMANCE_GROUP": "fruits.example.com",
    "CONFORMANCE_VERSION": "v1",
    "CONFORMANCE_NAMESPACE": "n",
}


def _environment(tmp_path: Path, *, user: dict[str, Any], cluster: dict[str, Any]) -> dict[str, str]:
    kubeconfig = tmp_path / "kubeconfig"
    content = {
        "current-context": "b",
        "contexts": [
            {"name": "a", "context": {"cluster": "x", "user": "x"}},
            {"name": "b", "context": {"cluster": "c", "user": "u"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": "https://c:6443", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    kubeconfig.write_text(yaml.safe_dump(content))
    return {**_WHERE, given.KUBECONFIG: str(kubeconfig)}


def _data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_what_is_written_out_in_it_becomes_files(tmp_path: Path) -> None:
    user = {"client-certificate-data": _data("certificate"), "client-key-data": _data("key")}
    environment = _environment(tmp_path, user=user, cluster={"certificate-authority-data": _data("ca")})

    found = given.subject(tmp_path, environment)

    presented = found.credential
    assert presented.certificate is not None
    assert presented.key is not None
    assert presented.certificate.read_text() == "certificate"
    assert presented.key.read_text() == "key"
    assert presented.key.stat().st_mode & 0o077 == 0
    assert found.authority.read_text() == "ca"
    assert (found.url, found.root) == ("https://c:6443", "/apis/fruits.example.com/v1")


def test_a_token_and_a_file_beside_it_do_as_well(tmp_path: Path) -> None:
    environment = _environment(tmp_path, user={"token": "t"}, cluster={"certificate-authority": "ca.crt"})

    found = given.subject(tmp_path, environment)

    assert found.credential.headers == {"Authorization": "Bearer t"}
    assert found.authority == tmp_path / "ca.crt"


@pytest.mark.parametrize(
    ("user", "cluster", "complaint"),
    [
        ({"exec": {}}, {"certificate-authority": "ca.crt"}, "neither a client certificate nor a token"),
        ({"token": "t"}, {}, "no certificate-authority"),
    ],
)
def test_what_is_not_enough_is_said(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(faults.DemoError, match=complaint):
        given.subject(tmp_path, _environment(tmp_path, user=user, cluster=cluster))


def test_where_to_look_must_be_said_too(tmp_path: Path) -> None:
    with pytest.raises(faults.DemoError, match="CONFORMANCE_GROUP and CONFORMANCE_VERSION and CONFORMANCE_N"):
        given.subject(tmp_path, {given.KUBECONFIG: "kubeconfig"})


def test_without_a_kubeconfig_none_is_given() -> None:
    assert not given.is_given({})
