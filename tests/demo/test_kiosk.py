"""The mesh to scale: its parts, and an app of it with a limited capacity."""

import asyncio
import dataclasses
import random
import time

from demo import apps, blueprint, kiosk, meshes, placement, scenarios, truth


def test_two_callers_ask_one_service_and_every_call_is_to_one_that_exists() -> None:
    callers = {
        workload.name
        for workload in kiosk.KIOSK.workloads
        for call in workload.calls()
        if kiosk.KIOSK.service(call.service).name == kiosk.CHECKOUT
    }
    assert callers == {kiosk.FRONTEND, kiosk.REPORT}


def test_no_two_meshes_have_a_workload_of_one_name() -> None:
    """A pod knows its workload only by that name."""
    names = [workload.name for plan in meshes.MESHES.values() for workload in plan.workloads]
    assert len(names) == len(set(names))


async def test_an_app_that_does_one_thing_at_a_time_lets_the_others_wait() -> None:
    took = await _together(_checkout(at_once=1), requests=5)
    assert took >= 5 * 0.02


async def test_an_app_without_that_limit_does_all_at_once() -> None:
    assert await _together(_checkout(at_once=None), requests=50) < 50 * 0.02


def _checkout(*, at_once: int | None) -> blueprint.Workload:
    (workload,) = (each for each in kiosk.KIOSK.workloads if each.name == kiosk.CHECKOUT)
    exactly = blueprint.Latency(0.02, sigma=0.0, tail_share=0.0)
    return dataclasses.replace(workload, at_once=at_once, latency=exactly)


async def _together(workload: blueprint.Workload, *, requests: int) -> float:
    """Return the seconds until this many simultaneous requests are answered."""
    pod = placement.Pod("checkout-1", workload, 0, "127.0.0.1", "node-a", workload.labels)
    async with apps.session() as http:
        world = apps.World(http, truth.Truth(clock=time.time), scenarios.Dial(), random.Random(1))
        app = apps.App(pod, world=world)
        began = time.monotonic()
        codes = await asyncio.gather(*(app.answer("/orders") for _ in range(requests)))
    assert set(codes) == {200}
    return time.monotonic() - began
