import pytest

from tests.apiservice import asking


async def test_the_root_lists_every_path(toy: asking.Toy) -> None:
    paths = (await toy.ask("/")).json["paths"]
    assert paths == sorted(paths)
    assert {
        "/",
        "/apis",
        "/apis/fruits.example.com/v1",
        "/livez",
        "/readyz/ping",
        "/metrics",
        "/version",
    } <= set(paths)
    for path in paths:
        assert (await toy.ask(path)).status == 200, path


@pytest.mark.parametrize("path", ["/version", "/version/"])
async def test_the_version_is_that_of_the_program(toy: asking.Toy, path: str) -> None:
    version = (await toy.ask(path)).json
    assert (version["major"], version["minor"], version["gitVersion"]) == ("1", "2", "v1.2.3")


async def test_a_path_with_something_behind_it_is_another_path(toy: asking.Toy) -> None:
    assert (await toy.ask("/version/1")).status == 404
