"""When the tests marked `cluster` run: always, where a cluster can run; else they are named, and why.

`TESTS_CLUSTER=0` leaves them out, `=1` demands them. With `CI=true` a machine on which they cannot run is a
failure: a green run would say more than was seen.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Protocol

import pytest

from tests.cluster import possible

VARIABLE = "TESTS_CLUSTER"
_MARK = "cluster"
_NODES = frozenset({"whole_cluster", "site", "image_archive"})
"""Fixtures that have a node; with them, tests need root."""


class Hindrance(Protocol):
    def __call__(self, *, nodes: bool) -> str | None: ...


class Switch:
    """A pytest plugin."""

    def __init__(
        self, environment: Mapping[str, str] = os.environ, *, hindrance: Hindrance = possible.hindrance
    ) -> None:
        self._hindrance = hindrance
        self._wanted = environment.get(VARIABLE, "")
        self._demanded = self._wanted == "1" or environment.get("CI") == "true"
        self._left_out: dict[str, int] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if item.get_closest_marker(_MARK) is None:
                continue
            reason = self._reason(nodes=not _NODES.isdisjoint(_fixtures(item)))
            if reason is not None:
                self._left_out[reason] = self._left_out.get(reason, 0) + 1
                item.add_marker(pytest.mark.skip(reason=f"NOT RUN: {reason}"))
        if self._left_out and self._demanded and self._wanted != "0":
            raise pytest.UsageError(f"tests on a real Kubernetes are demanded: {'; '.join(self._left_out)}")

    def _reason(self, *, nodes: bool) -> str | None:
        if self._wanted == "0":
            return f"left out by {VARIABLE}=0"
        return self._hindrance(nodes=nodes)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for reason, count in self._left_out.items():
            terminalreporter.section("NOT TESTED ON A REAL KUBERNETES", sep="!", red=True, bold=True)
            terminalreporter.line(f"{count} tests did not run: {reason}")


def _fixtures(item: pytest.Item) -> Iterable[str]:
    names: Iterable[str] = getattr(item, "fixturenames", ())
    return names
