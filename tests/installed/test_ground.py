"""A given cluster is recognized as what it is, or refused with a reason."""

from pathlib import Path

import pytest
import yaml

from demo import faults
from tests.cluster import commands, places, record
from tests.installed import ground, manifests

_DOWN = manifests.DEPLOY / "kind" / "down"
_KIND = """#!/bin/sh
echo "$*" >>"$(dirname "$0")/asked"
"""


def _kubeconfig(tmp_path: Path, *, context: str) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({"current-context": context}))
    return path


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that writes down its arguments."""
    program = tmp_path / "kind"
    program.write_text(_KIND)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.usefixtures("kind")
async def test_kind_is_asked_to_load_an_image_into_its_cluster(tmp_path: Path) -> None:
    found = ground.given(_kubeconfig(tmp_path, context="kind-trafficmetrics"))

    await found.import_image(Path("/images/one.tar"))

    assert (tmp_path / "asked").read_text() == "load image-archive /images/one.tar --name=trafficmetrics\n"


@pytest.mark.usefixtures("kind")
async def test_a_cluster_of_kind_goes_with_its_kubeconfig_and_no_other_does(tmp_path: Path) -> None:
    async def down(context: str) -> Path:
        kubeconfig = _kubeconfig(tmp_path, context=context)
        await commands.output("sh", str(_DOWN), str(kubeconfig))
        return kubeconfig

    assert (await down("kubernetes-admin")).exists()
    gone = await down("kind-trafficmetrics")

    assert not gone.exists()
    assert (tmp_path / "asked").read_text() == f"delete cluster --name trafficmetrics --kubeconfig {gone}\n"


def test_one_of_ours_is_known_by_its_record(tmp_path: Path) -> None:
    record.Record("tm", nodes=True, pid=1, sysctls={}).write(places.Folder(tmp_path).record)

    found = ground.given(_kubeconfig(tmp_path, context="kubernetes-admin"))

    assert isinstance(found, ground.Running)
    assert found.place == places.place("tm", nodes=True)


def test_one_of_ours_without_a_node_is_of_no_use(tmp_path: Path) -> None:
    record.Record("tm", nodes=False, pid=1, sysctls={}).write(places.Folder(tmp_path).record)

    with pytest.raises(faults.DemoError, match="neither kind's"):
        ground.given(_kubeconfig(tmp_path, context="kubernetes-admin"))


@pytest.mark.parametrize("context", ["", "production"])
def test_any_other_is_refused(tmp_path: Path, context: str) -> None:
    with pytest.raises(faults.DemoError, match=r"neither kind's .* nor that of `make cluster`"):
        ground.given(_kubeconfig(tmp_path, context=context))


def test_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(faults.DemoError, match="no such file"):
        ground.given(tmp_path / "absent")


async def test_what_is_given_is_not_made(tmp_path: Path) -> None:
    kubeconfig = _kubeconfig(tmp_path, context="kind-mine")
    environment = {"TESTS_KUBECONFIG": str(kubeconfig)}

    async with ground.found(state=tmp_path, name="tm", report=print, environment=environment) as found:
        assert found == ground.Kind(kubeconfig, "mine")
