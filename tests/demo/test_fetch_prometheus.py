"""The script in a project of its own, with stand-ins for apt in its PATH."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "demo" / "fetch-prometheus"
NEEDED = ("sh", "id", "dirname", "mktemp", "rm", "tail", "mkdir", "head")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "demo").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(SCRIPT, tmp_path / "demo")
    for tool in NEEDED:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def program(project: Path, name: str, script: str) -> None:
    path = project / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def fetch(project: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PATH": str(project / "bin")}
    script = str(project / "demo" / "fetch-prometheus")
    return subprocess.run([script], env=environment, capture_output=True, text=True, check=False)


def test_without_apt_it_says_what_to_do(project: Path) -> None:
    result = fetch(project)
    assert result.returncode == 1
    assert result.stderr == (
        "fetch-prometheus: no apt-get on this system; install Prometheus another way"
        " and set PROMETHEUS to its path\n"
    )


def test_without_a_network_it_says_what_apt_said(project: Path) -> None:
    program(project, "apt-get", "echo 'E: Unable to fetch some archives' >&2; exit 100")
    program(project, "dpkg-deb", "exit 1")
    result = fetch(project)
    assert result.returncode == 1
    assert (
        "apt-get cannot download the package prometheus (E: Unable to fetch some archives)" in result.stderr
    )


def test_it_unpacks_into_the_project_and_does_so_once(project: Path) -> None:
    program(project, "apt-get", "echo >prometheus_2.deb")
    unpacked = (
        '$3/usr/bin; echo "#!/bin/sh\necho version 2" >$3/usr/bin/prometheus; chmod +x $3/usr/bin/prometheus'
    )
    program(project, "dpkg-deb", f"mkdir -p {unpacked}")
    (project / "bin" / "chmod").symlink_to(shutil.which("chmod") or "chmod")
    first = fetch(project)
    assert first.returncode == 0
    assert first.stdout.splitlines()[-1] == ".tools/prometheus/usr/bin/prometheus: version 2"
    program(project, "apt-get", "exit 100")
    second = fetch(project)
    assert (second.returncode, second.stdout) == (0, "")


def test_without_package_lists_root_fetches_them_first(project: Path) -> None:
    program(
        project,
        "apt-get",
        'case "$*" in *update*) touch "$0.updated";; *) [ -e "$0.updated" ] && echo >prometheus_2.deb;; esac',
    )
    program(project, "dpkg-deb", 'mkdir -p "$3/usr/bin" && ln -s /bin/true "$3/usr/bin/prometheus"')
    program(project, "id", "echo 0")
    for tool in ("ln", "touch"):
        (project / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    assert fetch(project).returncode == 0
    assert (project / "bin" / "apt-get.updated").exists()
