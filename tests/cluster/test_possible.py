"""One sentence names the obstacle to a cluster."""

import pytest

from tests.cluster import build, possible
from tests.cluster.possible import Need

_ABSENT = build.Program("absent", "pods/echo", takes="seconds")


def test_a_cluster_that_is_given_needs_neither_root_nor_anything_built() -> None:
    assert possible.hindrance(Need.SITE, environment={possible.GIVEN: "kubeconfig"}) is None


def test_without_a_given_one_it_is_ours_to_make() -> None:
    assert possible.hindrance(Need.SITE, environment={}) == possible.hindrance(Need.NODE, environment={})


def test_without_go_what_is_not_built_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert possible.unbuilt(_ABSENT) == "no go on PATH (1.24 or newer), and from source are built absent"
    assert possible.unbuilt() is None
