"""Outside a pod, or if unknown users could see its data, the dashboard does not start and says why."""

import pathlib

import click.testing
import pytest

from dashboard import __main__ as command
from dashboard.client import faults, incluster


def _run(*arguments: str) -> str:
    return (
        click.testing.CliRunner(env={"KUBERNETES_SERVICE_HOST": None}).invoke(command.main, arguments).output
    )


def test_the_address_is_the_one_kubernetes_gives(tmp_path: pathlib.Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.touch()
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    assert incluster.find(environ, authority=authority).server == "https://[fd00::1]:443"


def test_outside_a_pod_there_is_no_cluster(tmp_path: pathlib.Path) -> None:
    with pytest.raises(faults.Unconfigured, match="not a pod"):
        incluster.find({}, authority=tmp_path)


def test_without_an_authority_nobody_is_believed(tmp_path: pathlib.Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "192.0.2.1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(faults.Unconfigured, match="kube-root-ca"):
        incluster.find(environ, authority=tmp_path / "ca.crt")


def test_one_identity_is_not_shown_to_strangers_unasked() -> None:
    said = _run("--listen", "192.0.2.1:8050", "--kubeconfig", "config")
    assert "--anyone-may-look" in said
    assert "rights of the kubeconfig's user" in said


def test_two_audiences_at_once_are_a_mistake() -> None:
    assert "each viewer's own token" in _run("--cluster=in-cluster", "--kubeconfig", "config")
