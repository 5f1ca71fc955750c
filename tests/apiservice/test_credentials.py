import base64
import pathlib
import stat

import pytest
import yaml

from apiservice import credentials


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_is_made_once_and_kept_private(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "run" / "token"
    made = credentials.token(path)
    assert len(made) >= 43
    assert mode(path) == 0o600
    assert credentials.token(path) == made
    assert credentials.token(tmp_path / "other") != made


def test_a_token_that_is_there_is_used(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text(" chosen\n")
    assert credentials.token(path) == "chosen"


def test_an_empty_token_file_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text("\n")
    with pytest.raises(ValueError, match="is empty: delete it to have a new token made"):
        credentials.token(path)


def test_a_kubeconfig_carries_everything_kubectl_needs_and_is_private(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("older")
    path.chmod(0o644)
    credentials.write_kubeconfig(
        path, server="https://127.0.0.1:1", authority=b"PEM", bearer="t0ken", name="toy", namespace="north"
    )
    assert mode(path) == 0o600
    written = yaml.safe_load(path.read_text())
    assert written["current-context"] == "toy"
    assert written["contexts"][0]["context"] == {"cluster": "toy", "user": "toy", "namespace": "north"}
    assert written["users"] == [{"name": "toy", "user": {"token": "t0ken"}}]
    (cluster,) = written["clusters"]
    assert cluster["cluster"]["server"] == "https://127.0.0.1:1"
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"PEM"
    assert list(tmp_path.iterdir()) == [path]
