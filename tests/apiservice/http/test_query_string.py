import dataclasses
from collections.abc import Iterator, Mapping

import pytest
import yarl

from apiservice.http import errors, query_string
from tests.apiservice import asking


class Unread(Mapping[str, str]):
    """A query that must not be read: every access fails the test."""

    def __getitem__(self, name: str) -> str:
        raise AssertionError(f"{name} was read")

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all were read")

    def __len__(self) -> int:
        raise AssertionError("all were counted")


def test_the_first_value_of_each_parameter_is_read() -> None:
    query = query_string.of(yarl.URL("/x?a=1&a=2&b=%20c&d", encoded=True))
    assert dict(query) == {"a": "1", "b": " c", "d": ""}
    assert (query.get("a"), query.get("e"), query.get("e", "f")) == ("1", None, "f")
    assert "e" not in query
    assert not query_string.of(yarl.URL("/x"))


def test_too_many_parameters_are_refused_when_they_are_looked_at() -> None:
    query = query_string.of(yarl.URL("/x?" + "a&" * 1000, encoded=True))
    with pytest.raises(errors.BadRequest, match="more than 1000 parameters"):
        query.get("a")


@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize("path", ["/apis", "/apis/fruits.example.com/v1/fruits", "/apis/x/v1/watch/y", "/z"])
async def test_of_a_strangers_request_only_the_path_is_looked_at(
    toy: asking.Toy, token: str | None, path: str
) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    incoming = dataclasses.replace(asking.incoming(path, headers=headers), query=Unread())
    assert (await toy.api.answer(incoming)).status == 401


async def test_a_path_that_is_too_long_is_refused_in_few_words(toy: asking.Toy) -> None:
    reply = await toy.ask("/" + "a" * 140_000)
    assert (reply.status, reply.message) == (400, "the path has more than 131072 characters")
