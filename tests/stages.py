"""Run the tests in stages, and print the sum of their results: `python -m tests.stages test|long|fast`.

Stage `parallel` runs the tests that may run at the same time, on several workers, each file on one worker.
Stage `serial` runs the rest, except for the long stories, which are a stage of their own. The arguments that
follow are given to pytest in every stage. `.artifacts/durations.txt` has the time of every test.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests import marks

WORKERS = "TESTS_WORKERS"
"""The environment variable for the number of workers of a parallel stage."""
_PROJECT = Path(__file__).resolve().parents[1]
_ARTIFACTS = _PROJECT / ".artifacts"
_SLOWEST = 25
_OUTCOMES = ("passed", "failed", "skipped")
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    name: str
    select: str
    """An expression of marks, for `pytest -m`."""
    parallel: bool


STAGES: Mapping[str, Sequence[Stage]] = {
    "test": (Stage("parallel", marks.PARALLEL, True), Stage("serial", marks.SERIAL, False)),
    "long": (Stage("long", marks.LONG, False),),
    "fast": (Stage("fast", marks.FAST, True),),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """The result of one test."""

    test: str
    outcome: str
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class Ran:
    stage: Stage
    status: int
    """The exit status of pytest."""
    results: Sequence[Result]

    @property
    def is_empty(self) -> bool:
        """Whether no test ran, or all were skipped."""
        return all(result.outcome == "skipped" for result in self.results)


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] not in STAGES:
        print(f"usage: python -m tests.stages {'|'.join(STAGES)} [arguments of pytest]", file=sys.stderr)
        return pytest.ExitCode.USAGE_ERROR
    return run(STAGES[arguments[0]], arguments[1:])


def run(stages: Iterable[Stage], arguments: Sequence[str]) -> int:
    """Run one stage after the other and return the exit status of the whole.

    After failed tests the next stage follows; after an error of use or an interruption it does not.
    """
    ran: list[Ran] = []
    for stage in stages:
        print(f"== tests: {stage.name}", flush=True)
        ran.append(_run(stage, arguments))
        if not _may_follow(ran[-1].status):
            break
    _keep([result for one in ran for result in one.results])
    print("\n".join(closing(ran)), flush=True)
    return status(ran)


def read(report: str) -> list[Result]:
    """Return the results of a report in JUnit's form."""
    cases = ET.fromstring(report).iter("testcase")  # noqa: S314 (pytest has written it)
    return [
        Result(f"{case.get('classname')}::{case.get('name')}", _outcome(case), float(case.get("time", "0")))
        for case in cases
    ]


def closing(ran: Sequence[Ran]) -> list[str]:
    """Return the last lines of a run; the very last is the sum of all stages."""
    lines = []
    for one in ran:
        if not _may_follow(one.status):
            lines.append(f"!! stage {one.stage.name} did not come to its end: status {one.status} of pytest")
        elif one.is_empty:
            lines.append(f"!! stage {one.stage.name} ran no test: none is selected by {one.stage.select!r}")
    count = collections.Counter(result.outcome for one in ran for result in one.results)
    return [*lines, ", ".join(f"{count[outcome]} {outcome}" for outcome in _OUTCOMES)]


def status(ran: Sequence[Ran]) -> int:
    """Return the exit status of the whole: an empty stage is no failure if another ran tests."""
    nothing = int(pytest.ExitCode.NO_TESTS_COLLECTED)
    bad = [one.status for one in ran if one.status not in (0, nothing)]
    if bad:
        return max(bad)
    return nothing if all(one.status == nothing for one in ran) else 0


def slowest_first(results: Iterable[Result]) -> list[str]:
    ordered = sorted(results, key=lambda result: -result.seconds)
    return [f"{result.seconds:9.3f} s  {result.test}" for result in ordered]


def _may_follow(status: int) -> bool:
    return status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


def _run(stage: Stage, arguments: Sequence[str]) -> Ran:
    _ARTIFACTS.mkdir(exist_ok=True)
    report = _ARTIFACTS / f"{stage.name}.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-m", stage.select, f"--junitxml={report}"]
    if stage.parallel:
        command += ["-n", os.environ.get(WORKERS) or "2", "--dist", "loadfile"]
    ended = _wait([*command, *arguments])
    return Ran(stage, ended, read(report.read_text()) if report.exists() else [])


def _wait(command: Sequence[str]) -> int:
    """Run pytest to its end, even if this process gets a signal: pytest must end what tests have started."""
    # Workers and stages share the compiled tests: rewriting their assertions takes as long as many tests.
    environment = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}
    process = subprocess.Popen(command, cwd=_PROJECT, env=environment)
    # A terminal sends SIGINT to both processes; SIGTERM reaches only this one.
    before = (
        signal.signal(signal.SIGINT, lambda *_: None),
        signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT)),
    )
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _outcome(case: ET.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def _keep(results: Sequence[Result]) -> None:
    lines = slowest_first(results)
    (_ARTIFACTS / "durations.txt").write_text("".join(f"{line}\n" for line in lines))
    if lines:
        print(f"== the slowest {min(_SLOWEST, len(lines))} tests (all: .artifacts/durations.txt)")
        print("\n".join(lines[:_SLOWEST]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
