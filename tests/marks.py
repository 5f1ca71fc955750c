"""Marks declare what a test needs, and a test that starts a program without its mark fails.

A fixture that starts programs declares it with `needs`; every test that has the fixture, directly or through
others, gets the marks. A test that starts a program itself has the mark in its module. `Marks` watches which
programs the test process starts (not those which its children start) and compares.

These marks select the stages of `make test` and the tests of `make test-fast`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., Any])

PROGRAMS = ("prometheus", "mesh", "dialect", "browser", "cluster", "go")
"""Marks of tests that need a program which is not in a Python package."""
LONG = "long"
"""The mark of long stories, which only `make test-all` runs."""
FAST = "not (" + " or ".join((*PROGRAMS, "attack", "alone", LONG)) + ")"
"""For `pytest -m`: the tests that need only Python packages and may run at the same time. Attacks are not
among them: they start servers and wait for time limits.
"""
PARALLEL = f"not (cluster or browser or mesh or dialect or conformance or alone or {LONG})"
"""The tests that may run at the same time. The conformance suite keeps one record of all of its rows."""
SERIAL = f"not ({PARALLEL}) and not {LONG}"

CHECKED = "TESTS_MARKS"
"""The variable that makes a missing mark a failure: set to 1 by `make test-fast`."""
_ATTRIBUTE = "_needs"
_ALLOWED = {
    "prometheus": ("prometheus",),
    "envoy": ("packaged", "mesh", "dialect"),
    "kubectl": ("packaged", "mesh"),
    "node": ("browser",),
    "chromium": ("browser",),
    "helm": ("go",),
}
"""For each program its marks: a test that starts the program must have one of them."""
_OTHERS = ("go", "dialect")
"""The same for every program that is not listed."""
_ANY = "cluster"
"""A test of this mark may start any program."""
_EVERYWHERE = re.compile(r"python[0-9.]*|(ba|da)?sh|env|git|true|false")
"""Programs that every machine has if the tests run on it."""


def needs(*names: str) -> Callable[[F], F]:
    """Declare which marks a test gets if it has the decorated fixture; the decorator is below
    `pytest.fixture`.
    """

    def said(function: F) -> F:
        setattr(function, _ATTRIBUTE, names)
        return function

    return said


class Marks:
    """A pytest plugin."""

    def __init__(self) -> None:
        self._started: list[str] | None = None

    def pytest_configure(self) -> None:
        sys.addaudithook(self._heard)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Before pytest selects by marks."""
        for item in items:
            for name in sorted(set(_said(item))):
                item.add_marker(name)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        self._started = []
        try:
            return (yield)
        finally:
            self._started = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        marks = {mark.name for mark in item.iter_markers()}
        wrong = unmarked(self._started or (), marks=marks)
        if wrong and os.environ.get(CHECKED) == "1":
            pytest.fail("\n".join(wrong), pytrace=False)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._started is None:
            return
        if event == "subprocess.Popen":
            executable, command = arguments[0], arguments[1]
            self._start(executable or command[0])
        elif event == "os.posix_spawn":
            self._start(arguments[0])

    def _start(self, program: str | bytes | os.PathLike[str]) -> None:
        """Note a program that exists. A script is not noted: it is ours, or a stand-in that a test wrote."""
        found = shutil.which(os.fsdecode(program))
        if self._started is not None and found is not None and not _is_script(Path(found)):
            self._started.append(Path(found).name)


def unmarked(programs: Sequence[str], *, marks: set[str]) -> list[str]:
    """Return one sentence for each program that no mark of a test allows."""
    return [
        f"the test starts {program} and has none of the marks {', '.join(allowed)} (see tests/marks.py)"
        for program in sorted(set(programs))
        if _ANY not in marks
        and not _EVERYWHERE.fullmatch(program)
        and marks.isdisjoint(allowed := _ALLOWED.get(program, _OTHERS))
    ]


def _is_script(program: Path) -> bool:
    with program.open("rb") as content:
        return content.read(2) == b"#!"


def _said(item: pytest.Item) -> Iterator[str]:
    """The marks that a test gets from its fixtures."""
    information = getattr(item, "_fixtureinfo", None)
    if information is None:
        return
    for definitions in information.name2fixturedefs.values():
        for definition in definitions:
            yield from getattr(definition.func, _ATTRIBUTE, ())
