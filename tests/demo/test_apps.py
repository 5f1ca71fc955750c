"""One app, with a stand-in for its own sidecar: a server at the sidecar's outbound address."""

import dataclasses
import random
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from demo import apps, blueprint, placement, scenarios, shop, truth


@dataclasses.dataclass
class Door:
    """Answers as configured, and records the requests."""

    codes: dict[str, int] = dataclasses.field(default_factory=dict)
    asked: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        service = request.headers["host"].partition(".")[0]
        self.asked.append((service, request.path, request.headers.get(apps.FAULTS_HEADER, "")))
        chosen = "shop/catalog-v2" if service == "catalog" else f"shop/{service}"
        headers = {blueprint.SERVICE_HEADER: chosen, apps.POD_HEADER: f"{service}-0"}
        return web.Response(status=self.codes.get(service, 200), headers=headers)


@dataclasses.dataclass
class Scene:
    app: apps.App
    pod: placement.Pod
    door: Door
    book: truth.Truth
    http: aiohttp.ClientSession

    def sent(self) -> dict[str, dict[str, int]]:
        return {edge["chosen"]["name"]: edge["counts"] for edge in self.book.report()["edges"]}

    def received(self) -> list[dict[str, int]]:
        return [row["counts"] for row in self.book.report()["received"]]

    async def get(self, path: str, **headers: str) -> int:
        url = f"http://{self.pod.address}:{blueprint.APP_PORT}{path}"
        async with self.http.get(url, headers=headers) as response:
            return response.status


@pytest.fixture
async def scene(other_subnet: str) -> AsyncIterator[Scene]:
    where = placement.place(shop.SHOP, subnet=other_subnet)
    pod = where.pods_of(shop.FRONTEND)[0]
    door, book = Door(), truth.Truth(clock=time.time)
    sidecar = web.Application()
    sidecar.router.add_route("*", "/{path:.*}", door.answer)
    runner = web.AppRunner(sidecar)
    await runner.setup()
    await web.TCPSite(runner, pod.address, placement.OUTBOUND_PORT).start()
    async with apps.session() as http:
        app = apps.App(pod, world=apps.World(http, book, scenarios.Dial(), random.Random(1)))
        await app.start()
        yield Scene(app, pod, door, book, http)
        await app.stop()
    await runner.cleanup()


async def test_an_answer_takes_the_calls_that_the_blueprint_says(scene: Scene) -> None:
    assert await scene.get("/cart") == 200
    assert [(service, path) for service, path, _ in scene.door.asked] == [
        ("session-cache", "/session"),
        ("cart", "/cart"),
    ]
    assert scene.sent() == {"session-cache": {"200": 1}, "cart": {"200": 1}}
    assert scene.received() == [{"200": 1}]


async def test_a_failed_call_that_is_required_is_a_bad_gateway(scene: Scene) -> None:
    scene.door.codes["cart"] = 503
    assert await scene.get("/cart") == 502
    assert scene.sent()["cart"] == {"503": 1}
    assert scene.received() == [{"502": 1}]


async def test_a_failed_call_that_is_not_required_does_not_matter(scene: Scene) -> None:
    scene.door.codes["session-cache"] = 503
    assert await scene.get("/cart") == 200


async def test_a_client_error_is_no_failure_of_the_callee(scene: Scene) -> None:
    scene.door.codes["cart"] = 404
    assert await scene.get("/cart") == 200


async def test_the_truth_knows_what_a_split_chose(scene: Scene) -> None:
    assert await scene.get("/product/3") == 200
    (edge,) = (edge for edge in scene.book.report()["edges"] if edge["to"]["name"] == "catalog")
    assert edge["chosen"] == {"namespace": "shop", "name": "catalog-v2"}


async def test_a_forced_failure_comes_at_once_and_without_a_call(scene: Scene) -> None:
    assert await scene.get("/cart", **{apps.FAULTS_HEADER: "payments=503,frontend=500"}) == 500
    assert scene.door.asked == []


async def test_forced_failures_of_others_are_handed_on(scene: Scene) -> None:
    await scene.get("/cart", **{apps.FAULTS_HEADER: "db=503"})
    assert {forced for _, _, forced in scene.door.asked} == {"db=503"}


async def test_a_path_nobody_knows_is_answered_without_a_call(scene: Scene) -> None:
    assert await scene.get("/favicon.ico") == 200
    assert scene.door.asked == []


async def test_a_sidecar_that_is_gone_gives_no_answer(other_subnet: str) -> None:
    where = placement.place(shop.SHOP, subnet=other_subnet)
    book = truth.Truth(clock=time.time)
    async with apps.session() as http:
        app = apps.App(
            where.pods_of(shop.FRONTEND)[0],
            world=apps.World(http, book, scenarios.Dial(), random.Random(1)),
        )
        assert await app.answer("/cart") == 502
    counts = {edge["chosen"]["name"]: edge["counts"] for edge in book.report()["edges"]}
    assert counts == {"session-cache": {"0": 1}, "cart": {"0": 1}}


def test_faults_are_read_as_they_are_written() -> None:
    forced = {"payments": 503, "db": 500}
    assert apps.parse_faults(apps.write_faults(forced)) == forced
    assert apps.parse_faults("") == {}


def test_latencies_are_around_their_median_and_have_a_tail() -> None:
    dice = random.Random(7)
    drawn = sorted(blueprint.Latency(0.010).draw(dice) for _ in range(4000))
    assert truth.quantile(drawn, 0.5) == pytest.approx(0.010, rel=0.1)
    assert truth.quantile(drawn, 0.995) > 3 * truth.quantile(drawn, 0.5)
