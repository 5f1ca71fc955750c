import asyncio
import dataclasses

import pytest

from apiservice.runtime import ttl_cache


@dataclasses.dataclass(slots=True)
class Oracle:
    """Answers with the number of calls so far, as soon as the event `let` is set."""

    asked: int = 0
    let: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    begun: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    fails: bool = False

    async def seek(self) -> int:
        self.asked += 1
        answer = self.asked
        self.begun.set()
        await self.let.wait()
        if self.fails:
            raise ConnectionError("away")
        return answer


@pytest.fixture
def oracle() -> Oracle:
    made = Oracle()
    made.let.set()
    return made


async def test_an_answer_is_remembered_for_its_lifetime(oracle: Oracle) -> None:
    now = [0.0]
    known = ttl_cache.TtlCache[int](lifetime=10.0, most=8, clock=lambda: now[0])
    reply = []
    for now[0] in (0.0, 9.9, 10.0, 19.9, 20.0):
        reply.append(await known.recall("a", seek=oracle.seek))
    assert reply == [1, 1, 2, 2, 3]


async def test_each_question_has_its_answer(oracle: Oracle) -> None:
    known = ttl_cache.TtlCache[int](lifetime=10.0, most=8)
    assert [await known.recall(key, seek=oracle.seek) for key in "abab"] == [1, 2, 1, 2]


async def test_what_was_not_used_for_longest_is_forgotten(oracle: Oracle) -> None:
    known = ttl_cache.TtlCache[int](lifetime=10.0, most=2, clock=lambda: 0.0)
    assert [await known.recall(key, seek=oracle.seek) for key in "abacab"] == [1, 2, 1, 3, 1, 4]
    assert len(known) == 2


async def test_many_who_ask_at_once_wait_for_one_answer(oracle: Oracle) -> None:
    known = ttl_cache.TtlCache[int](lifetime=10.0, most=8)
    oracle.let.clear()
    asking = [asyncio.ensure_future(known.recall("a", seek=oracle.seek)) for _ in range(20)]
    await oracle.begun.wait()
    oracle.let.set()
    assert set(await asyncio.gather(*asking)) == {1}


async def test_one_who_leaves_takes_the_answer_from_nobody(oracle: Oracle) -> None:
    known = ttl_cache.TtlCache[int](lifetime=10.0, most=8)
    oracle.let.clear()
    first, second = (asyncio.ensure_future(known.recall("a", seek=oracle.seek)) for _ in range(2))
    await oracle.begun.wait()
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    oracle.let.set()
    assert await second == 1


async def test_a_failure_is_told_to_all_who_wait_and_not_remembered(oracle: Oracle) -> None:
    known = ttl_cache.TtlCache[int](lifetime=10.0, most=8)
    oracle.fails = True
    oracle.let.clear()
    asking = [asyncio.ensure_future(known.recall("a", seek=oracle.seek)) for _ in range(3)]
    await oracle.begun.wait()
    oracle.let.set()
    reply = await asyncio.gather(*asking, return_exceptions=True)
    assert [str(failure) for failure in reply] == ["away"] * 3
    oracle.fails = False
    assert await known.recall("a", seek=oracle.seek) == 2
    assert len(known) == 1


async def test_a_failure_nobody_waits_for_is_no_news(
    oracle: Oracle, caplog: pytest.LogCaptureFixture
) -> None:
    known = ttl_cache.TtlCache[int](lifetime=10.0, most=8)
    oracle.fails = True
    oracle.let.clear()
    left = asyncio.ensure_future(known.recall("a", seek=oracle.seek))
    await oracle.begun.wait()
    left.cancel()
    await asyncio.wait([left])
    oracle.let.set()
    await known.aclose()
    assert len(known) == 0
    assert caplog.messages == []


async def test_closing_gives_up_what_is_sought(oracle: Oracle) -> None:
    known = ttl_cache.TtlCache[int](lifetime=10.0, most=8)
    oracle.let.clear()
    waiting = asyncio.ensure_future(known.recall("a", seek=oracle.seek))
    await oracle.begun.wait()
    await known.aclose()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
