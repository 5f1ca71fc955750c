"""The results of every row on every way, kept as a table and as data in .artifacts/."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import places, rows
from tests.conformance.subject import Way

_FOLDER = Path(__file__).resolve().parents[2] / ".artifacts"
_TRIED = "tried"


class Record:
    """A pytest plugin: a row holds on a way when every test of it there has passed.

    The report of a test contains its row, so that tests may run in workers (pytest-xdist): the process that
    gets all reports writes the record.
    """

    def __init__(self) -> None:
        self._sentences: dict[str, rows.Row] = {}
        self._held: dict[tuple[str, Way], bool] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
        outcome = yield
        mark, specification = item.get_closest_marker("row"), getattr(item, "callspec", None)
        if mark is None or specification is None or "api" not in specification.params:
            return
        report: pytest.TestReport = outcome.get_result()
        tried = (mark.args[0], specification.params["api"].value, rows.sentence(item.name))
        report.user_properties = [*report.user_properties, (_TRIED, tried)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        tried: Any = dict(report.user_properties).get(_TRIED)
        if tried is None:
            return
        row, way, sentence = tried
        key = (row, Way(way))
        self._sentences[row] = rows.Row(row, sentence)
        if report.failed:
            self._held[key] = False
        elif report.passed and report.when == "call":
            self._held.setdefault(key, True)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self._held or hasattr(session.config, "workerinput"):
            return
        _FOLDER.mkdir(exist_ok=True)
        kubernetes = os.environ.get(places.KUBERNETES, "")
        name = f"conformance-{kubernetes}" if kubernetes else "conformance"
        found = [
            {
                "row": row.id,
                "sentence": row.sentence,
                "held": {way.value: self._held[row.id, way] for way in Way if (row.id, way) in self._held},
            }
            for row in sorted(self._sentences.values(), key=lambda row: row.place)
        ]
        (_FOLDER / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")
