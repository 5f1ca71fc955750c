import base64
import pathlib
import stat

import pytest
import yaml

from apiservice.runtime import kubeconfig


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_is_made_once_and_kept_private(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "run" / "token"
    made = kubeconfig.token(path)
    assert len(made) >= 43
    assert mode(path) == 0o600
    assert kubeconfig.token(path) == made
    assert kubeconfig.token(tmp_path / "other") != made


def test_a_token_that_is_there_is_used(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text(" chosen-by-somebody\n")
    assert kubeconfig.token(path) == "chosen-by-somebody"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"x", "is easily guessed"),
        (b"fifteen-letters", "is easily guessed"),
        (b"a" * 64, "is easily guessed"),
        (b"two words of some length", "more than one word"),
        (b"\xff\xfe\x00\x01" * 8, "characters that are not allowed in a token"),
        ("ein-schlüssel-mit-umlaut".encode(), "characters that are not allowed in a token"),
    ],
)
def test_a_token_that_is_none_or_weak_is_refused_and_not_shown(
    tmp_path: pathlib.Path, content: bytes, why: str
) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{why}.*: delete it to have a new token made") as refused:
        kubeconfig.token(path)
    assert repr(content)[2:-1] not in str(refused.value) or content == b"x"


def test_a_byte_order_mark_is_no_part_of_a_token(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"\xef\xbb\xbfchosen-by-somebody\r\n")
    assert kubeconfig.token(path) == "chosen-by-somebody"


def test_an_empty_token_file_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text("\n")
    with pytest.raises(ValueError, match="is empty: delete it to have a new token made"):
        kubeconfig.token(path)


def test_a_kubeconfig_carries_everything_kubectl_needs_and_is_private(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("older")
    path.chmod(0o644)
    kubeconfig.write_kubeconfig(
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
