"""Everything from a registry is fetched by digest: the version that was reviewed is the one that runs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"trafficmetrics", "trafficmetrics-demo"}
"""Built here, and named without a registry."""
_STAGE = re.compile(r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE | re.MULTILINE)
_ARGUMENT = re.compile(r"^ARG\s+(\w+)=(\S+)", re.MULTILINE)
_IMAGE = re.compile(r"^\s*(?:- )?image:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def dockerfiles() -> list[Path]:
    return [path for path in ROOT.rglob("*Dockerfile*") if not _is_generated(path)]


def manifests() -> list[Path]:
    found = (path for suffix in ("yaml", "yml") for path in ROOT.rglob(f"*.{suffix}"))
    return [path for path in found if not _is_generated(path) and path.relative_to(ROOT).parts[0] != "tests"]


def _is_generated(path: Path) -> bool:
    return any(
        part.startswith((".venv", ".tools", ".run", ".git", "build")) and part != ".github"
        for part in path.relative_to(ROOT).parts
    )


def bases(text: str) -> Iterator[str]:
    """The images that a Dockerfile fetches, with its arguments filled in."""
    arguments = dict(_ARGUMENT.findall(text))
    stages = {"scratch"}
    for base, name in _STAGE.findall(text):
        base = re.sub(r"\$\{?(\w+)\}?", lambda found: arguments.get(found[1], found[0]), base)
        if base not in stages:
            yield base
        stages.add(name)


@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_base_is_pinned_by_digest(path: Path) -> None:
    fetched = list(bases(path.read_text(encoding="utf-8")))
    assert fetched
    assert [base for base in fetched if not _DIGEST.search(base)] == []


def test_all_bases_are_one() -> None:
    fetched = {base for path in dockerfiles() for base in bases(path.read_text(encoding="utf-8"))}
    assert len(fetched) == 1


def test_manifests_run_our_images_or_what_is_pinned() -> None:
    found = [
        (path.relative_to(ROOT), image)
        for path in manifests()
        for image in _IMAGE.findall(path.read_text(encoding="utf-8"))
        if "{{" not in image
    ]
    assert {image.partition(":")[0] for _, image in found} >= OURS
    stray = [(path, image) for path, image in found if image.partition(":")[0] not in OURS and image]
    assert [one for one in stray if not _DIGEST.search(one[1])] == []


def test_a_base_by_tag_would_be_found() -> None:
    text = "ARG A=python:3\nFROM ${A} AS one\nFROM one AS two\nFROM scratch\nFROM debian:13\n"
    assert list(bases(text)) == ["python:3", "debian:13"]
