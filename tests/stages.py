"""Run the tests in stages, and print the sum of what came of them: `python -m tests.stages test|fast`.

A plan has steps, one after the other. The stages of a step run at the same time, each in a pytest of its own,
since tests that wait for scrapes or pods leave the processors to others. The output of each is shown when it
ends. Arguments that follow are given to pytest in every stage. The time of every test is kept in
`.artifacts/durations.txt`.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests import marks

WORKERS = "TESTS_WORKERS"
"""In this variable of the environment: how many workers a stage with workers has."""
_PROJECT = Path(__file__).resolve().parents[1]
_ARTIFACTS = _PROJECT / ".artifacts"
_SLOWEST = 25
_OUTCOMES = ("passed", "failed", "skipped")
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
_LOOK = 0.2
"""Seconds between two looks whether a stage has ended."""
_SIGN = 60.0
"""Seconds between two lines that say which stages still run."""


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    name: str
    select: str
    """An expression of marks, for `pytest -m`."""
    workers: int = 0
    """Processes, each of which runs whole files; 0 means that pytest runs all tests itself."""


Step = Sequence[Stage]
PLANS: Mapping[str, Sequence[Step]] = {
    "test": (
        (Stage("clusters", marks.CLUSTERS), Stage("meshes", marks.MESHES), Stage("pure", marks.PURE, 2)),
        (Stage("alone", marks.ALONE),),
    ),
    "fast": ((Stage("fast", marks.FAST, 3),),),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What came of one test."""

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
    if not arguments or arguments[0] not in PLANS:
        print(f"usage: python -m tests.stages {'|'.join(PLANS)} [arguments of pytest]", file=sys.stderr)
        return pytest.ExitCode.USAGE_ERROR
    return run(PLANS[arguments[0]], arguments[1:])


def run(plan: Iterable[Step], arguments: Sequence[str]) -> int:
    """Run one step after the other and return the exit status of the whole.

    After failed tests the next step follows; after an error of use or an interruption it does not.
    """
    ran: list[Ran] = []
    for step in plan:
        ran += _run(step, arguments)
        if not all(_may_follow(one.status) for one in ran):
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


def _run(step: Step, arguments: Sequence[str]) -> list[Ran]:
    """Run the stages of a step at the same time, to their ends."""
    _ARTIFACTS.mkdir(exist_ok=True)
    began = time.monotonic()
    running: dict[Stage, subprocess.Popen[bytes]] = {}
    with contextlib.ExitStack() as stack:
        for stage in step:
            _log(stage).unlink(missing_ok=True)
            shown = None if len(step) == 1 else stack.enter_context(_log(stage).open("wb"))
            running[stage] = subprocess.Popen(
                _command(stage, arguments), cwd=_PROJECT, env=_environment(), stdout=shown, stderr=shown
            )
        print(f"== tests: {', '.join(stage.name for stage in step)}", flush=True)
        with _interrupting(running.values()):
            return [_end(stage, running[stage], began=began) for stage in _as_they_end(running)]


def _command(stage: Stage, arguments: Sequence[str]) -> list[str]:
    report = _report(stage)
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-m", stage.select, f"--junitxml={report}"]
    if stage.workers:
        command += ["-n", os.environ.get(WORKERS) or str(stage.workers), "--dist", "loadfile"]
    return [*command, *arguments]


def _environment() -> dict[str, str]:
    # Workers and stages share the compiled tests: to rewrite their assertions takes as long as many tests.
    return {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}


def _as_they_end(running: Mapping[Stage, subprocess.Popen[bytes]]) -> Iterator[Stage]:
    left, said = dict(running), time.monotonic()
    while left:
        for stage, process in list(left.items()):
            if process.poll() is not None:
                del left[stage]
                yield stage
        if len(running) > 1 and time.monotonic() - said > _SIGN:
            said = time.monotonic()
            print(f"… {', '.join(stage.name for stage in left)}: still running", flush=True)
        time.sleep(_LOOK)


def _end(stage: Stage, process: subprocess.Popen[bytes], *, began: float) -> Ran:
    """Show the output of a stage that has ended, and read its report. `began`: monotonic seconds."""
    if _log(stage).exists():
        print(f"== {stage.name}, after {time.monotonic() - began:.0f} s", flush=True)
        print(_log(stage).read_text(errors="replace"), flush=True)
        _log(stage).unlink()
    report = _report(stage)
    return Ran(stage, process.wait(), read(report.read_text()) if report.exists() else [])


@contextlib.contextmanager
def _interrupting(processes: Collection[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Let each pytest end what its tests have started when this process is asked to end."""

    def interrupt(*_: object) -> None:
        for process in processes:
            process.send_signal(signal.SIGINT)

    # A terminal sends SIGINT to all processes, SIGTERM comes to this one alone.
    before = (signal.signal(signal.SIGINT, lambda *_: None), signal.signal(signal.SIGTERM, interrupt))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _log(stage: Stage) -> Path:
    return _ARTIFACTS / f"{stage.name}.log"


def _report(stage: Stage) -> Path:
    return _ARTIFACTS / f"{stage.name}.xml"


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
