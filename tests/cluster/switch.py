"""When tests run that need more than every machine has: if the machine has it; else they are listed, and why.

The marks of a test declare its needs: `cluster`, a real Kubernetes; with `node`, one with a node; with
`site`, one with a node that may be given; `go`, programs that are built from source. `TESTS_CLUSTER=0` leaves
out what needs a cluster, `=1` demands it. With `CI=true` a machine that cannot run a test is a failure: a
green run would claim more than was tested.

Tests may be divided among workers (pytest-xdist). Then every worker collects all tests and sends the list of
those that it left out to the process that prints the summary, which does not collect.
"""

import collections
import os
from collections.abc import Generator, Iterator, Mapping
from typing import Any, Protocol

import pytest

from tests.cluster import possible
from tests.cluster.possible import Need

VARIABLE = "TESTS_CLUSTER"
_BY_CHOICE = f"left out by {VARIABLE}=0"
_PLACES = (Need.SITE, Need.NODE, Need.CONTROL_PLANE)
"""The needs of a test with the mark `cluster`: the first of these marks that it has decides."""
_LEFT_OUT, _REFUSED = "tests left out", "tests refused"
"""The keys of what a worker sends."""


class Hindrance(Protocol):
    def __call__(self, need: Need, /) -> str | None: ...


class Switch:
    """A pytest plugin."""

    def __init__(
        self, environment: Mapping[str, str] = os.environ, *, hindrance: Hindrance = possible.hindrance
    ) -> None:
        self._hindrance = hindrance
        self._wanted = environment.get(VARIABLE, "")
        self._demanded = self._wanted == "1" or environment.get("CI") == "true"
        self._left_out: collections.Counter[str] = collections.Counter()
        self._refused = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        for item in items:
            reason = self._reason(item)
            if reason is not None:
                self._left_out[reason] += 1
                item.add_marker(pytest.mark.skip(reason=f"NOT RUN: {reason}"))
        hindrances = [reason for reason in self._left_out if reason != _BY_CHOICE]
        if hindrances and self._demanded:
            self._refused = f"tests are demanded that cannot run on this machine: {'; '.join(hindrances)}"
        if _is_worker(config):
            output: dict[str, Any] = getattr(config, "workeroutput")  # noqa: B009 (xdist adds it)
            output |= {_LEFT_OUT: dict(self._left_out), _REFUSED: self._refused}
            if self._refused:
                items.clear()
        elif self._refused:
            raise pytest.UsageError(self._refused)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker has ended; all workers collect the same tests."""
        output = getattr(node, "workeroutput", None) or {}
        self._left_out |= collections.Counter(output.get(_LEFT_OUT, {}))
        self._refused = self._refused or output.get(_REFUSED, "")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._refused and not _is_worker(session.config):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _reason(self, item: pytest.Item) -> str | None:
        if self._wanted == "0" and _marked(item, Need.CONTROL_PLANE):
            return _BY_CHOICE
        return next((reason for need in _needs(item) if (reason := self._hindrance(need))), None)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Printed below the list of skipped tests, which is long."""
        yield
        if self._refused:
            terminalreporter.line(f"ERROR: {self._refused}", red=True, bold=True)
            return
        for reason, count in self._left_out.items():
            terminalreporter.section("NOT TESTED HERE", sep="!", red=True, bold=True)
            terminalreporter.line(f"{count} tests did not run: {reason}")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _needs(item: pytest.Item) -> Iterator[Need]:
    if _marked(item, Need.CONTROL_PLANE):
        yield next(place for place in _PLACES if _marked(item, place))
    if _marked(item, Need.PROGRAMS):
        yield Need.PROGRAMS


def _marked(item: pytest.Item, need: Need) -> bool:
    return item.get_closest_marker(need.value) is not None
