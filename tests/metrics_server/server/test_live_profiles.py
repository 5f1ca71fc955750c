"""A profile pack is read again when it changes; a bad one is named, and the profiles before stay."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from demo import wait
from metrics_server.model import kinds, snapshot
from metrics_server.profiles import policy, schema
from metrics_server.server import live_profiles
from metrics_server.settings import mistakes, settings
from tests.metrics_server import fake_prometheus, packs, reading, recording


class Source:
    """Takes nothing, and knows with which profiles it was made."""

    def __init__(self, meshes: Sequence[schema.Profile]) -> None:
        self.names = {mesh.name for mesh in meshes}

    async def take(
        self, namespace: str | None, *, window: float, latency: frozenset[kinds.Side]
    ) -> snapshot.Snapshot | None:
        return None


class Made:
    """The sources that were made."""

    def __init__(self) -> None:
        self.sources: list[Source] = []

    def make(self, meshes: Sequence[schema.Profile]) -> Source:
        self.sources.append(Source(meshes))
        return self.sources[-1]


def chosen(folder: Path | None, **more: object) -> settings.Settings:
    return settings.load(prometheus="http://127.0.0.1:1", profile_pack=folder, **more)


def live(folder: Path, made: Made) -> live_profiles.LiveProfiles:
    return live_profiles.LiveProfiles(chosen(folder), folder, decisions=policy.Policy(), make=made.make)


def test_a_changed_pack_is_read(tmp_path: Path) -> None:
    packs.write(tmp_path, 1, toy=packs.TOY % "toy")
    made = Made()
    followed = live(tmp_path, made)
    assert "toy" in made.sources[-1].names
    followed.look()
    assert len(made.sources) == 1, "nothing has changed"
    packs.write(tmp_path, 2, toy=packs.TOY % "joy")
    followed.look()
    assert len(made.sources) == 2
    assert "joy" in made.sources[-1].names
    assert "toy" not in made.sources[-1].names


def test_a_bad_pack_is_named_once_and_the_profiles_before_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    packs.write(tmp_path, 1, toy=packs.TOY % "toy")
    made = Made()
    followed = live(tmp_path, made)
    packs.write(tmp_path, 2, toy=packs.TOY.replace("client", "middle") % "toy")
    followed.look()
    followed.look()
    assert len(made.sources) == 1
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "--profile-pack (TRAFFIC_PROFILE_PACK): " in record.getMessage()
    assert "toy.yaml: views.0.side: Input should be 'client' or 'server'" in record.getMessage()
    packs.write(tmp_path, 3, toy=packs.TOY % "better")
    followed.look()
    assert "better" in made.sources[-1].names


def test_a_pack_without_a_profile_that_the_policy_names_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, file = tmp_path / "pack", tmp_path / "policy.yaml"
    packs.write(folder, 1, toy=packs.TOY % "toy")
    file.write_text("profiles: {toy: {client_errors: failure}}")
    made = Made()
    followed = live_profiles.LiveProfiles(
        chosen(folder, policy=file), folder, decisions=policy.load(file), make=made.make
    )
    packs.write(folder, 2, toy=packs.TOY % "other")
    followed.look()
    assert len(made.sources) == 1
    assert "names profiles that are not read: toy" in caplog.text


async def test_the_pack_is_followed(tmp_path: Path) -> None:
    packs.write(tmp_path, 1, toy=packs.TOY % "toy")
    made = Made()
    async with live_profiles.following(
        chosen(tmp_path), decisions=policy.Policy(), make=made.make, look=0.01
    ) as source:
        assert await source.take(None, window=30.0, latency=kinds.SIDES) is None
        packs.write(tmp_path, 2, toy=packs.TOY % "joy")

        async def read() -> bool:
            return "joy" in made.sources[-1].names

        await wait.until(read, what="the changed pack", within=10)


async def test_without_a_pack_nothing_is_followed() -> None:
    made = Made()
    async with live_profiles.following(chosen(None), decisions=policy.Policy(), make=made.make) as source:
        assert source is made.sources[0]


def test_a_pack_that_is_not_there_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(mistakes.BadSettings, match=r"--profile-pack .*none: cannot be read"):
        live(tmp_path / "none", Made())


OF_ENVOYS = """
name: toy
about: Envoys, read by a profile of one's own
process: {metric: envoy_server_uptime, tells: age}
views:
  - side: %s
    requests: %s
    appears: with first request
    outcome: [{is: success}]
"""


async def test_the_server_answers_with_a_changed_pack(tmp_path: Path) -> None:
    folder, state = tmp_path / "pack", tmp_path / "state"
    state.mkdir()
    packs.write(folder, 1, toy=OF_ENVOYS % ("client", "envoy_cluster_upstream_rq_xx"))
    fake = fake_prometheus.FakePrometheus(recording.shop(taken=time.time()))
    options = {"profile": "toy", "profile_pack": folder, "refresh": 0.1}
    async with fake_prometheus.running(fake), reading.served(fake, state, **options) as api:

        async def has_received() -> bool:
            items = (await api.get("trafficmetrics")).items
            return any(reading.figures(item).get("success_count") for item in items)

        assert not await has_received()
        packs.write(folder, 2, toy=OF_ENVOYS % ("server", "envoy_http_downstream_rq_xx"))
        await wait.until(has_received, what="an answer with the changed pack", within=20)
