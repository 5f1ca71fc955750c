"""The examples on the pages work when they are copied: their YAML is valid, and their links lead to a
target.
"""

from pathlib import Path

import kubernetes_validate
import pytest

from dashboard.client import autoscaler
from dashboard.scaling import target_checks
from tests.deploy import documented, pages

_VERSIONS = ("1.35", "1.37")
"""The oldest and the newest version with schemas in the package."""
_EXAMPLES = list(pages.examples())
_AUTOSCALERS = [one for one in _EXAMPLES if one.content.get("kind") == "HorizontalPodAutoscaler"]


def test_there_are_examples_and_each_is_yaml() -> None:
    assert len(_EXAMPLES) > 5
    assert len(_AUTOSCALERS) > 4


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("example", _AUTOSCALERS, ids=lambda one: one.where)
def test_every_hpa_meets_the_schema(example: pages.Example, version: str) -> None:
    kubernetes_validate.validate(example.content, version, strict=True)


@pytest.mark.parametrize("example", _AUTOSCALERS, ids=lambda one: one.where)
def test_every_hpa_asks_for_what_can_be_meant(example: pages.Example) -> None:
    """`kubectl traffic hpa` would report no error in it."""
    one = autoscaler.decode(example.content)
    assert [finding.text for metric in one.metrics for finding in target_checks.find(metric)] == []


@pytest.mark.parametrize("page", pages.every(), ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for link in pages.links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in pages.anchors(target)):
            lost.append(link)
    assert lost == []


def test_every_test_that_the_threat_model_names_is_there() -> None:
    named = documented.tests_named()

    assert len(named) > 20
    assert {name for name in named if not (pages.ROOT / name).is_file()} == set()
