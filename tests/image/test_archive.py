"""What the image contains, and what it must not contain."""

import os
import re
import tomllib

import pytest

from tests.image import archive

pytestmark = [pytest.mark.cluster, pytest.mark.node, pytest.mark.timeout(1800)]

_MOST = 250_000_000
"""Bytes, unpacked: the limit in docs/image.md."""
_BIN = re.compile(r"(^|/)s?bin/([^/]+)$")
_COMMANDS = {
    "kubectl-traffic",
    "python",
    "python3",
    "python3.13",
    "trafficmetrics-dashboard",
    "trafficmetrics-server",
}
_TOOLS = re.compile(
    r"(^|/)(pip|setuptools|ensurepip|_distutils_hack)(/|-[0-9]|$)|(^|/)lib/([^/]+/)?(apt|gcc|perl)(/|$)"
)


def _labels(image: archive.Archive) -> dict[str, str]:
    prefix = "org.opencontainers.image."
    labels = image.config["config"]["Labels"].items()
    return {name.removeprefix(prefix): value for name, value in labels if name.startswith(prefix)}


def test_it_runs_as_nobody_in_particular(image: archive.Archive) -> None:
    config = image.config["config"]

    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["trafficmetrics-server"]
    assert set(config["ExposedPorts"]) == {"8443/tcp", "8050/tcp"}
    assert config["StopSignal"] == "SIGTERM"


def test_its_labels_say_what_it_is(image: archive.Archive) -> None:
    project = tomllib.loads((archive.PROJECT / "pyproject.toml").read_text())["project"]

    labels = _labels(image)
    revision = labels.pop("revision")

    assert labels == {
        "title": "TrafficMetrics",
        "description": project["description"],
        "version": project["version"],
        "licenses": project["license"],
    }
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", revision)


def test_it_is_as_small_as_the_page_says(image: archive.Archive) -> None:
    assert 0 < image.size <= _MOST


def test_the_only_commands_are_ours_and_the_interpreter(image: archive.Archive) -> None:
    assert {found[2] for path in image.files if (found := _BIN.search(path))} == _COMMANDS


def test_it_has_no_compiler_and_no_package_tools(image: archive.Archive) -> None:
    assert [path for path in image.files if _TOOLS.search(path)] == []


def test_no_file_gives_other_rights_than_its_readers(image: archive.Archive) -> None:
    assert [path for path, file in image.files.items() if file.mode & 0o6000] == []
    writable = {path for path, file in image.files.items() if file.content and file.mode & 0o002}
    assert writable == set()


def test_every_module_is_compiled(image: archive.Archive) -> None:
    """Its root is read-only: a module that is not compiled would be compiled again at each start."""
    compiled = {path for path in image.files if path.endswith(".pyc")}
    sources = [path for path in image.files if path.endswith(".py") and "/site-packages/" in path]

    assert len(sources) > 500
    assert [path for path in sources if _compiled(path) not in compiled] == []


def _compiled(source: str) -> str:
    folder, _, name = source.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-313.pyc"


def test_nothing_tells_how_the_host_reaches_its_packages(image: archive.Archive) -> None:
    reply = ["/run/secrets/pip:", "pip.conf", str(archive.PROJECT), *_addresses()]
    history = repr(image.config["history"]) + repr(image.config["config"])

    assert [word for word in reply if word in history] == []
    assert [path for path in image.files if re.search(r"(^|/)(pip\.conf|sources\.list)|^run/", path)] == []
    leaks = [
        (path, word)
        for path, file in image.files.items()
        for word in reply[2:]
        if word.encode() in file.content
    ]
    assert leaks == []


def _addresses() -> list[str]:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")
    values = [os.environ.get(name) or os.environ.get(name.lower()) for name in names]
    return [value for value in values if value]


def test_it_trusts_debians_authorities_and_no_other(image: archive.Archive) -> None:
    packaged = {
        file.content.strip()
        for path, file in image.files.items()
        if path.startswith("usr/share/ca-certificates/mozilla/") and path.endswith(".crt")
    }
    marker = b"-----BEGIN CERTIFICATE-----"
    bundle = image.files["etc/ssl/certs/ca-certificates.crt"].content
    trusted = {marker + part.rstrip() for part in bundle.split(marker)[1:]}

    assert len(packaged) > 100
    assert trusted == packaged


def test_the_page_lists_the_packages_inside(image: archive.Archive) -> None:
    """`python -m tests.image.archive` writes them. Debian's versions are those of that day."""
    listed = re.findall(r"^\| (\S+) \| (\S+) \|$", archive.written(), flags=re.MULTILINE)
    debian, python = list(archive.debian_packages(image)), list(archive.python_packages(image))

    assert [name for name, _ in listed] == [name for name, _ in debian + python]
    assert listed[len(debian) :] == python


def test_every_debian_package_keeps_its_copyright(image: archive.Archive) -> None:
    names = [name for name, _ in archive.debian_packages(image)]

    assert len(names) > 10
    folders = [f"usr/share/doc/{image.files[f'usr/share/doc/{name}'].link or name}" for name in names]
    assert [folder for folder in folders if f"{folder}/copyright" not in image.files] == []
