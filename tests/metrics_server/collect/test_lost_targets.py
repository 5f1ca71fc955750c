"""A target whose samples were there a moment ago and are gone shows that a part of the backend is away."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from metrics_server.collect import lost_targets
from metrics_server.decode import targets
from metrics_server.profiles import loading
from tests.metrics_server import recording

(ENVOY,) = [mesh for mesh in loading.shipped() if mesh.name == "envoy"]


@dataclasses.dataclass
class Scene:
    """Pods that are scraped every 15 s, and an answer that reaches back 60 s."""

    uptime: recording.Clock = dataclasses.field(default_factory=lambda: recording.Clock(0.0))
    lost: lost_targets.LostTargets = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.lost = lost_targets.LostTargets(self.uptime)

    def read(
        self, *pods: str, after: float = 5.0, young: Sequence[str] = (), ended: Sequence[str] = ()
    ) -> bool:
        """Return whether targets are lost, some seconds after the last answer. `young`: pods with one scrape;
        `ended`: pods that were last scraped 30 s ago.
        """
        self.uptime.now += after
        newest = self.uptime.now - self.uptime.now % 15
        found: dict[tuple[str, ...], targets.ScrapeTarget] = {}
        for pod in (*pods, *young, *ended):
            times = [newest - 15 * step for step in range(3, -1, -1)]
            times = times[-1:] if pod in young else times[:-2] if pod in ended else times
            labels = {"job": "j", "instance": f"{pod}:1", "namespace": "shop", "pod": pod}
            found["j", f"{pod}:1"] = targets.ScrapeTarget(labels=labels, ages=[[t, "1"] for t in times])
        proxies = targets.ScrapeTargets(mesh=ENVOY, found=found)
        return self.lost.compare(None, proxies, reach=self.uptime.now - 60)


def test_targets_that_stay_or_end_are_not_lost() -> None:
    scene = Scene()
    assert not scene.read("a", "b", "c")
    assert not scene.read("a", "b", "c")
    assert not scene.read("a", "b", ended=["c"]), "its samples are still there"
    assert not scene.read("a", "b", after=60.0), "they are older than the answer reaches"


def test_a_lost_store_is_noticed_as_long_as_it_lasts_and_until_most_targets_are_back() -> None:
    scene = Scene()
    scene.read("a", "b", "c", "d", "e")
    assert scene.read("a", "b")
    assert scene.read("a", "b", after=600.0), "ten minutes later"
    assert scene.read("a", "b", "c"), "one of three"
    assert not scene.read("a", "b", "c", "d"), "the last pod may have been deleted meanwhile"
    assert not scene.read("a", "b", "c", "d")


def test_lost_targets_are_forgotten_after_an_hour() -> None:
    scene = Scene()
    scene.read("a", "b", "c")
    assert scene.read("a")
    assert not scene.read("a", after=3700.0)


def test_a_target_that_only_one_replica_of_prometheus_has_yet_is_not_lost() -> None:
    scene = Scene()
    scene.read("a", young=["b"])
    assert not scene.read("a")
