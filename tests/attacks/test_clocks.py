"""If a clock is set back, set forward, stops or jumps, no old figure is served, and no cache lasts longer.

The time of day is used only in queries to Prometheus, in output, and for times that others have set:
certificates, cookies, credentials. Everything else uses a monotonic clock, which cannot be set.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import datetime as dt
import functools
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from pathlib import Path

import pytest

from apiservice.runtime import reloaded_files, throttled_log, ttl_cache
from apiservice.tls import dynamic_context
from dashboard.client import connection, kubeconfig
from dashboard.web import feed, state, viewers
from metrics_server.collect import backend_clock, collector, multi_mesh
from metrics_server.inventory import objects, tombstones
from metrics_server.model import faults, kinds, snapshot
from metrics_server.profiles import policy
from metrics_server.store import store
from tests.metrics_server import recording, storing
from tests.metrics_server.collect import test_collector

_ROOT = Path(__file__).parents[2]
HOUR, DAY = 3600.0, 86400.0
JUMPS = {
    "back an hour": -HOUR,
    "back a day": -DAY,
    "back a minute": -60.0,
    "forward an hour": HOUR,
    "forward a day": DAY,
    "not at all": 0.0,
}


# Where the code reads the time of day

TIME_OF_DAY = {
    "metrics_server/server/server.py": "this machine's time, which is compared with Prometheus'",
    "metrics_server/check/clocks.py": "this machine's time, which is compared with Prometheus'",
    "metrics_server/check/examination.py": "the time that Prometheus is asked about",
    "metrics_server/server/inventory_source.py": "when the kube-apiserver last answered, which is shown",
    "metrics_server/upstream/credential_files.py": "the validity of certificates",
    "metrics_server/server/access.py": "the validity of certificates",
    "dashboard/web/feed.py": "the time of day of a reading, which is shown",
    "dashboard/web/session_cookie.py": "the moment a cookie was sealed, which all replicas must read alike",
    "dashboard/client/connection.py": "the expiry that a credential plugin stamps its credentials with",
    "dashboard/scaling/examination.py": "the age of an autoscaler's figures, which is shown",
    "dashboard/terminal/hpa_text.py": "the age of an autoscaler's figures, which is shown",
}
"""Modules that may read the time of day, and the reason."""
_READS = {
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "strftime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}


def _reads(tree: ast.AST) -> Iterator[str]:
    """Return every name that reads the time of day."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (alias.name for alias in node.names if alias.name in _READS["time"])
        if isinstance(node, ast.Attribute):
            of = node.value
            name = of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""
            if node.attr in _READS.get(name, ()):
                yield f"{name}.{node.attr}"


def test_the_time_of_day_is_read_where_it_is_meant_and_nowhere_else() -> None:
    found = {
        str(path.relative_to(_ROOT)): mentions
        for package in ("metrics_server", "apiservice", "dashboard")
        for path in sorted((_ROOT / package).rglob("*.py"))
        if "time" in (text := path.read_text(encoding="utf-8"))
        if (mentions := set(_reads(ast.parse(text))))
    }
    assert found, "the search finds nothing"
    stray = {name: mentions for name, mentions in found.items() if name not in TIME_OF_DAY}
    assert not stray, "durations are counted by time.monotonic; else say here what the time of day is for"


@pytest.mark.parametrize(
    "text",
    ["time.time()", "from time import time", "dt.datetime.now(dt.UTC)", "datetime.now()", "clock=time.time"],
)
def test_the_search_sees_every_spelling(text: str) -> None:
    assert list(_reads(ast.parse(text.replace("clock=time.time", "f(clock=time.time)"))))


def test_what_keeps_answers_counts_seconds_that_nobody_sets() -> None:
    """Tests all classes that have a clock by default."""
    defaults = [
        ttl_cache.TtlCache.__init__,
        reloaded_files.Reloading.__init__,
        throttled_log.ThrottledLog.__init__,
        dynamic_context.LiveTls.__init__,
        collector.Collector.__init__,
        multi_mesh.MultiMeshCollector.__init__,
        feed.Feed.__init__,
        viewers.Viewers.__init__,
    ]
    for one in defaults:
        kept = {**(one.__kwdefaults__ or {})}
        assert time.monotonic in kept.values(), one.__qualname__


# Every cache, with a monotonic clock, while the time of day jumps


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_a_moment_is_served_for_one_refresh_whatever_the_time_of_day(jump: float) -> None:
    scene = await storing.scene()
    uptime = recording.Clock(10.0)
    moments = store.Store(scene.source, inventory=objects.Inventory, clock=uptime, refresh=storing.REFRESH)
    first = await moments.moment(None, window=30.0)
    scene.clock.now += jump
    uptime.now += storing.REFRESH - 0.1
    assert await moments.moment(None, window=30.0) is first
    uptime.now += 0.1
    second = await moments.moment(None, window=30.0)
    assert second is not first
    assert second is not None
    assert second.snapshot.taken == scene.clock()
    await moments.close()


async def test_a_stopped_time_of_day_stops_nothing_else() -> None:
    scene = await storing.scene()
    uptime = recording.Clock(10.0)
    moments = store.Store(scene.source, inventory=objects.Inventory, clock=uptime, refresh=storing.REFRESH)
    for _ in range(5):
        await moments.moment(None, window=30.0)
        uptime.now += storing.REFRESH
    assert len(scene.source.asked) == 5
    await moments.close()


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_meshes_are_looked_for_again_after_a_minute_whatever_the_time_of_day(jump: float) -> None:
    day, uptime = recording.Clock(1e6), recording.Clock(0.0)
    backend = recording.Backend(test_collector.scraped(5, until=1e6))
    looking = multi_mesh.MultiMeshCollector(
        backend, [(test_collector.ENVOY, _Nobody())], allowed=policy.Policy().allows,
        clock=day, uptime=uptime, executor=futures.ThreadPoolExecutor(max_workers=1),
    )  # fmt: skip
    await looking.take(None, window=30)
    day.now += jump
    uptime.now += 59
    await looking.take(None, window=30)
    assert len(backend.asked) == 1
    uptime.now += 1
    await looking.take(None, window=30)
    assert len(backend.asked) == 2


def test_what_is_gone_is_remembered_as_long_whatever_the_time_of_day() -> None:
    uptime = recording.Clock(0.0)
    known = tombstones.Tombstones(clock=uptime, keep=60.0)
    ref = kinds.Ref("Pod", "shop", "a")
    known.put(objects.Object(ref=ref))
    known.drop(ref)
    uptime.now += 59
    assert ref in known.current().gone
    uptime.now += 1
    assert ref not in known.current().gone


async def test_an_answer_about_a_token_is_remembered_as_long_whatever_the_time_of_day() -> None:
    uptime, sought = recording.Clock(0.0), []

    async def seek() -> int:
        sought.append(uptime())
        return len(sought)

    known = ttl_cache.TtlCache[int](lifetime=10.0, most=4, clock=uptime)
    for passed in (0.0, 9.9, 0.1, 9.9, 0.1):
        uptime.now += passed
        await known.recall("key", seek=seek)
    assert sought == pytest.approx([0.0, 10.0, 20.0])


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_a_page_is_read_anew_whatever_the_time_of_day(jump: float) -> None:
    day = [dt.datetime(2026, 3, 29, 1, 59, 59, tzinfo=dt.UTC)]
    uptime = recording.Clock(0.0)
    source = _Source()
    with contextlib.closing(feed.Feed(source, now=lambda: day[0], uptime=uptime)) as opened:  # type: ignore[arg-type]
        first = opened.read(state.GraphRequest(), max_age=5)
        day[0] += dt.timedelta(seconds=jump)
        uptime.now += 4.9
        assert opened.read(state.GraphRequest(), max_age=5) is first
        uptime.now += 0.1
        assert opened.read(state.GraphRequest(), max_age=5) is not first


# What is served if the clocks of Prometheus and of the server differ


@dataclasses.dataclass
class Growing:
    """A Prometheus with a running clock: it has no sample after its own time, and days of earlier samples."""

    uptime: recording.Clock
    begun: float = test_collector.NOW
    looked: int = 0
    """How often its clock was looked at."""

    @property
    def now(self) -> float:
        return self.begun + self.uptime.now

    async def ask(self, queries: Sequence[str], *, at: float | None) -> list[recording.Answer]:
        self.looked += at is None
        known = test_collector.scraped(5, until=self.now - self.now % 5)
        return [recording.Answer(known.ask(query, at=self.now if at is None else at)) for query in queries]


@dataclasses.dataclass
class Server:
    """A collector of a mesh that is scraped every 5 s, with the clocks of the server and of Prometheus."""

    ahead: float = 0.0
    """By how much this server's clock is ahead of Prometheus'."""
    uptime: recording.Clock = dataclasses.field(default_factory=lambda: recording.Clock(5.0))

    @functools.cached_property
    def backend(self) -> Growing:
        return Growing(self.uptime)

    @functools.cached_property
    def clock(self) -> backend_clock.BackendClock:
        return backend_clock.BackendClock(
            self.backend, wall=lambda: self.backend.now + self.ahead, uptime=self.uptime
        )

    @functools.cached_property
    def taker(self) -> collector.Collector:
        return collector.Collector(
            self.backend,
            mesh=test_collector.ENVOY,
            watcher=recording.Deaf(),
            clock=self.clock,
            stale_after=90.0,
            uptime=self.uptime,
        )

    async def take(self) -> snapshot.Snapshot:
        taken = await self.taker.take(None, window=30.0)
        assert taken is not None
        return taken


@pytest.mark.parametrize("ahead", [0.0, 20.0, 40.0, 600.0, -20.0, -600.0, DAY, -DAY])
async def test_figures_and_their_age_are_right_whatever_the_servers_clock_shows(
    ahead: float, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Server(ahead)
    for _ in range(5):
        scene.uptime.now += 7
        taken = await scene.take()
        assert test_collector.served(taken) == 30.0
        assert taken.taken == scene.backend.now
        assert scene.backend.now - taken.timestamp < 5
    assert scene.clock.ahead == pytest.approx(-ahead, abs=1e-6)
    said = [one.getMessage() for one in caplog.records if "clock of Prometheus" in one.getMessage()]
    assert len(said) == (abs(ahead) >= 2)


async def test_a_clock_that_jumps_between_requests_changes_nothing() -> None:
    scene = Server()
    for turn in range(40):
        scene.uptime.now += 3
        scene.ahead = (0.0, -HOUR, 0.4, HOUR, -DAY, -0.5)[turn % 6]
        taken = await scene.take()
        assert test_collector.served(taken) == 30.0
        assert scene.backend.now - taken.timestamp < 5
    assert scene.backend.looked == 2, "once a minute"


@pytest.mark.parametrize("jump", [-DAY, -HOUR, HOUR, DAY])
async def test_a_clock_of_prometheus_that_is_set_is_followed_within_a_minute(jump: float) -> None:
    scene = Server()
    await scene.take()
    scene.backend.begun += jump
    scene.uptime.now += 61
    taken = await scene.take()
    assert scene.backend.now - taken.timestamp < 5


@pytest.mark.parametrize("later", [2.0, 60.0, HOUR, DAY])
async def test_samples_later_than_was_asked_for_are_refused(later: float) -> None:
    class Ahead(recording.Backend):
        """Answers with later samples, whatever time is queried."""

        async def ask(self, queries: Sequence[str], *, at: float | None) -> list[recording.Answer]:
            assert at is not None
            return await recording.Backend.ask(self, queries, at=at + later)

    looking = test_collector.Scene(Ahead(test_collector.scraped(1, until=test_collector.NOW + later)))
    with pytest.raises(faults.BackendRefused, match="samples later than the time that was asked for"):
        await looking.take()


async def test_what_a_backend_rounds_is_no_later_sample() -> None:
    looking = test_collector.scene(test_collector.scraped(5, until=test_collector.NOW + 0.5).moved(0))
    looking.clock.now += 0.2
    assert await looking.take() is not None


@pytest.mark.parametrize("value", ["NaN", "+Inf", "later"])
async def test_a_backend_that_does_not_know_its_time_is_refused(value: str) -> None:
    class Timeless(recording.Backend):
        async def ask(self, queries: Sequence[str], *, at: float | None) -> list[recording.Answer]:
            return [recording.Answer([{"metric": {}, "value": [0.0, value]}])]

    clock = backend_clock.BackendClock(
        Timeless(recording.Recording([])), wall=lambda: 0.0, uptime=recording.Clock(0.0)
    )
    with pytest.raises(faults.BackendRefused):
        await clock.read()


# A token file, which client-go reads again each minute


def test_a_token_file_is_read_again_after_a_minute_whatever_the_time_of_day(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one")
    (tmp_path / "config").write_text(
        "{current-context: c, clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}],"
        " contexts: [{name: c, context: {cluster: c, user: u}}],"
        " users: [{name: u, user: {tokenFile: token}}]}"
    )
    day, uptime = [dt.datetime(2026, 11, 22, tzinfo=dt.UTC)], recording.Clock(0.0)
    context = kubeconfig.load([tmp_path / "config"])
    with contextlib.closing(connection.ApiConnection(context, now=lambda: day[0], uptime=uptime)) as opened:
        first = opened._current()
        day[0] -= dt.timedelta(hours=1)
        uptime.now += 59
        assert opened._current() is first
        uptime.now += 1
        assert opened._current() is not first


class _Nobody:
    """A mesh without proxies in the requested namespace."""

    async def take(self, *_: object, **__: object) -> None:
        return None

    def read_by_requests(self) -> None:
        """There is nothing to read."""


class _Source:
    """An API without figures."""

    def metrics(self, **_: object) -> tuple[()]:
        return ()

    def edges(self, **_: object) -> tuple[()]:
        return ()

    def close(self) -> None:
        """There is nothing to close."""
