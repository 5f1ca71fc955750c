"""Kubeconfig files are found and merged in the same way as kubectl does."""

import base64
import pathlib

import pytest
import yaml

from dashboard.client import faults, kubeconfig


def _write(path: pathlib.Path, *, current: str = "one", names: tuple[str, ...] = ("one",)) -> pathlib.Path:
    document = {
        "current-context": current,
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": f"ns-{name}"}}
            for name in names
        ],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}"}} for name in names],
        "users": [{"name": name, "user": {"token": f"token-{path.name}"}} for name in names],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_the_current_context_is_chosen(tmp_path: pathlib.Path) -> None:
    chosen = kubeconfig.load([_write(tmp_path / "a", current="two", names=("one", "two"))])
    assert (chosen.name, chosen.namespace, chosen.cluster.text("server")) == ("two", "ns-two", "https://two")


def test_a_context_can_be_named(tmp_path: pathlib.Path) -> None:
    chosen = kubeconfig.load([_write(tmp_path / "a", names=("one", "two"))], context="two")
    assert chosen.cluster.text("server") == "https://two"


def test_of_several_files_the_first_to_speak_wins(tmp_path: pathlib.Path) -> None:
    first, second = _write(tmp_path / "a"), _write(tmp_path / "b", current="two", names=("one", "two"))
    chosen = kubeconfig.load([tmp_path / "missing", first, second])
    assert (chosen.name, chosen.user.text("token")) == ("one", "token-a")
    assert kubeconfig.load([first, second], context="two").user.text("token") == "token-b"


def test_the_given_path_goes_before_the_variable_and_the_variable_before_home() -> None:
    environ = {"KUBECONFIG": "/one:/two:"}
    assert [str(path) for path in kubeconfig.paths("/given", environ=environ)] == ["/given"]
    assert [str(path) for path in kubeconfig.paths(None, environ=environ)] == ["/one", "/two"]
    assert kubeconfig.paths(None, environ={})[0].parts[-2:] == (".kube", "config")


def test_relative_files_are_beside_the_kubeconfig_and_inline_data_goes_first(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ca.pem").write_text("from the file")
    entry = kubeconfig.Entry(name="c", fields={"certificate-authority": "ca.pem"}, directory=tmp_path)
    assert entry.content("certificate-authority") == "from the file"
    inline = {
        "certificate-authority": "ca.pem",
        "certificate-authority-data": base64.b64encode(b"inline").decode(),
    }
    assert (
        kubeconfig.Entry(name="c", fields=inline, directory=tmp_path).content("certificate-authority")
        == "inline"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty or not a mapping"),
        ("{", "is not YAML"),
        ("{}", "No current context"),
        ("{current-context: x}", "has no context named 'x'"),
        ("{current-context: x, contexts: [{name: x, context: {cluster: y}}]}", "has no cluster named 'y'"),
        (
            "{current-context: x, contexts: [{name: x, context: {cluster: y}}],"
            " clusters: [{name: y, cluster: {}}]}",
            "has no server address",
        ),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: pathlib.Path, text: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(faults.Unconfigured, match=message) as caught:
        kubeconfig.load([path])
    assert str(path) in str(caught.value)


def test_a_missing_file_says_how_to_name_another(tmp_path: pathlib.Path) -> None:
    with pytest.raises(faults.Unconfigured, match="Give one with --kubeconfig"):
        kubeconfig.load([tmp_path / "none"])
