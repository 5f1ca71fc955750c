"""Whether an answer is right: of each object in it, by the oracle's rule.

An answer of 200 must have right figures, no pod that was not scraped, and every pod that was scraped
throughout. An answer of 503 is right while Prometheus fails and a little after; a 404 if the
requested object may be unknown. Anything else is wrong, an answer without a reason too.
"""

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bench import churn, oracle
from dashboard.client import duration, quantity

_INBOUND = churn.EDGES
_SLOW = "took longer than"
_Object = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer, which is judged when all scrapes that it may contain are known."""

    kind: str
    """The kind of the request: one of `JUDGES`."""
    path: str
    namespace: str
    asked: float
    received: float
    """Unix seconds."""
    status: int
    body: bytes


class Judge:
    """Finds what is wrong with answers."""

    def __init__(self, churning: churn.Churn, *, knows: oracle.Oracle) -> None:
        self._churning = churning
        self._knows = knows
        self._pods = {pod.number: pod for pod in churning.cluster.pods}
        self._judges = {
            "pods": self._pod_list,
            "workloads": self._workload_list,
            "edges": self._edge_list,
            "pod": self._one_pod,
            "autoscaler": self._values,
        }
        self.judged = 0
        """Figures that were compared with the truth."""
        self.short = 0
        """Counts over less than three quarters of their window, of pods that existed during all of it."""

    def wrong(self, heard: Heard, *, failing: bool, failed_lately: bool) -> Iterator[str]:
        """Return what is wrong. `failing`: whether Prometheus failed meanwhile or shortly before;
        `failed_lately`: whether it did when it may have received a query that it never answered.
        """
        if heard.status == 200:
            yield from self._judges[heard.kind](heard, json.loads(heard.body))
            return
        try:
            reason = str(json.loads(heard.body)["message"])
        except (ValueError, KeyError, TypeError):
            yield f"{heard.status} without a reason"
            return
        if heard.status == 503 and (failing or (_SLOW in reason and failed_lately)):
            return
        if heard.status == 404 and heard.kind in ("pod", "autoscaler") and not self._is_known(heard):
            return
        yield f"{heard.status} {reason[:100]}"

    def _is_known(self, heard: Heard) -> bool:
        """Whether a requested object must be known."""
        of = oracle.Answer(timestamp=heard.asked - 10.0, window=20.0)
        if heard.kind == "pod":
            asked = [self._churning.named(heard.path.partition("?")[0].rpartition("/")[2])]
        else:
            app = int(heard.path.rpartition("app%3Dsvc-")[2])
            asked = [
                life for n in self._places(app) if (life := self._churning.at(n, heard.asked)) is not None
            ]
        return any(self._knows.must_be_there(life, of) and life.ended > heard.received for life in asked)

    def _places(self, workload: int) -> list[int]:
        return [n for n, pod in self._pods.items() if pod.workload.number == workload]

    def _pod_list(self, heard: Heard, document: _Object) -> Iterator[str]:
        listed, of = set(), None
        for item in document["items"]:
            life, of = self._churning.named(item["resource"]["name"]), _answer(item)
            listed.add(life)
            if not self._knows.may_be_there(life, of, without_figures=not item["metrics"]):
                yield f"not scraped within the window, but listed: {json.dumps(item)}"
            yield from self._count(life, _INBOUND, item, of)
        # An empty list has no time: it is compared with the pods that the namespace has now.
        of = of or oracle.Answer(timestamp=heard.asked - 10.0, window=20.0)
        places = [n for n, pod in self._pods.items() if pod.workload.namespace == heard.namespace]
        for life in (life for number in places for life in self._knows.lives_of(number, of)):
            if life not in listed and self._knows.must_be_there(life, of):
                yield f"missing: pod {self._churning.name(life)}, {self._knows.expected(life, _INBOUND, of)}"

    def _one_pod(self, _heard: Heard, item: _Object) -> Iterator[str]:
        yield from self._count(self._churning.named(item["resource"]["name"]), _INBOUND, item, _answer(item))

    def _count(self, life: churn.Life, stream: int, item: _Object, of: oracle.Answer) -> Iterator[str]:
        reply = _counts(item)
        if reply is None:
            return
        self.judged += 1
        seconds = self._knows.covered(life, stream, reply, of)
        if seconds is None:
            may = self._knows.expected(life, stream, of)
            yield f"a count of stream {stream}: {reply}, where it may be {may}: {json.dumps(item)}"
        elif seconds < 0.75 * of.window and self._knows.was_there(life, of):
            self.short += 1

    def _workload_list(self, _heard: Heard, document: _Object) -> Iterator[str]:
        for item in document["items"]:
            of, reply, name = _answer(item), _counts(item), item["resource"]["name"]
            if item["resource"]["kind"] != "Deployment":
                yield f"{item['resource']['kind']} {name} among the workloads"
            elif reply is not None:
                self.judged += 1
                places = self._places(int(name.removeprefix("svc-")))
                lives = [life for number in places for life in self._knows.lives_of(number, of)]
                if not self._knows.sum_is_right(lives, _INBOUND, reply, of):
                    yield f"a count of a workload: {reply}: {json.dumps(item)}"

    def _edge_list(self, _heard: Heard, document: _Object) -> Iterator[str]:
        for item in document["items"]:
            edge = item["edge"]
            if edge["direction"] != "to" or item["resource"]["kind"] != "Pod":
                continue
            life = self._churning.named(item["resource"]["name"])
            called = [one.name for one in self._churning.called(self._pods[life.number].workload)]
            if edge["resource"].get("name") not in called:
                yield f"pod {item['resource']['name']} calls {edge['resource']}, which it does not"
            else:
                yield from self._count(life, called.index(edge["resource"]["name"]), item, _answer(item))

    def _values(self, _heard: Heard, document: _Object) -> Iterator[str]:
        for item in document["items"]:
            name = item["describedObject"]["name"]
            of = oracle.Answer(
                timestamp=_moment(item["timestamp"]), window=max(float(item["windowSeconds"]), 30.0)
            )
            reply = float(quantity.parse(item["value"]))
            self.judged += 1
            if not self._knows.rate_is_right(self._churning.named(name), _INBOUND, reply, of):
                life = self._churning.named(name)
                may = self._knows.expected(life, _INBOUND, of)
                yield f"a rate: {reply}, where it may be {may}: {json.dumps(item)}"


def _answer(item: _Object) -> oracle.Answer:
    return oracle.Answer(timestamp=_moment(item["timestamp"]), window=duration.parse(item["window"]))


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def _counts(item: _Object) -> churn.Counts | None:
    reply = {one["name"]: one["value"] for one in item["metrics"]}
    if "success_count" not in reply:
        return None
    return int(quantity.parse(reply["success_count"])), int(quantity.parse(reply["failure_count"]))
