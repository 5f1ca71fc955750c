"""Few fetches run at once, users take turns, and no fetch loses its place in the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from metrics_server.model import faults
from metrics_server.store import fetch_queue


def turns(**limits: float) -> fetch_queue.FetchQueue:
    return fetch_queue.FetchQueue(fetch_queue.FetchLimits(**limits))  # type: ignore[arg-type]


def asked(
    them: fetch_queue.FetchQueue, user: str, count: int, *, urgent: bool = False
) -> list[fetch_queue.Ticket]:
    tickets = [fetch_queue.Ticket() for _ in range(count)]
    for ticket in tickets:
        them.wait(ticket, user=user, urgent=urgent)
    return tickets


def begun(tickets: Sequence[fetch_queue.Ticket]) -> int:
    return sum(not ticket.is_waiting for ticket in tickets)


def test_no_more_are_under_way_than_a_user_may_have_nor_than_all_may() -> None:
    them = turns(at_once=6, each=2)
    for user in "abcde":
        assert begun(asked(them, user, 10)) <= 2
        assert them.under_way <= 6
    assert them.under_way == 5, "one place is kept for what is urgent"
    assert begun(asked(them, "autoscaler", 10, urgent=True)) == 1


def test_the_first_question_of_a_user_waits_for_one_end_whatever_others_have_asked() -> None:
    them = turns(at_once=8, each=4)
    hostile = [asked(them, user, 40) for user in ("eve", "mallory")]
    (good,) = asked(them, "ann", 1)
    assert begun([good]) == 0
    them.end(next(ticket for ticket in hostile[0] if not ticket.is_waiting))
    assert begun([good]) == 1


def test_a_lone_user_cannot_take_all_places() -> None:
    them = turns(at_once=8, each=4)
    asked(them, "eve", 40)
    assert begun(asked(them, "ann", 1)) == 1


def test_users_take_turns_and_each_has_their_own_in_order() -> None:
    them = turns(at_once=2, each=1)
    order = []
    tickets = {user: asked(them, user, 3) for user in "abc"}
    while them.under_way:
        (user, ticket), *_ = [
            (user, one)
            for user, own in tickets.items()
            for one in own
            if not one.is_waiting and (user, own.index(one)) not in order
        ]
        order.append((user, tickets[user].index(ticket)))
        them.end(ticket)
    assert order == [(user, number) for number in range(3) for user in "abc"]


def test_urgent_fetches_go_first_and_leave_a_place_to_the_others() -> None:
    them = turns(at_once=3, each=3)
    usual = asked(them, "ann", 5)
    urgent = asked(them, "autoscaler", 5, urgent=True)
    assert (begun(usual), begun(urgent)) == (2, 1)
    them.end(usual[0])
    assert (begun(usual), begun(urgent)) == (2, 2)
    them.end(usual[1])
    assert (begun(usual), begun(urgent)) == (3, 2), "the last place is not for the urgent"


def test_what_two_users_want_begins_with_whichever_turn_comes_first() -> None:
    them = turns(at_once=2, each=1)
    shared = asked(them, "eve", 40)[-1]
    assert begun([shared]) == 0
    them.join(shared, user="ann", urgent=True)
    assert begun([shared]) == 1
    them.end(shared)
    assert them.under_way == 1, "and counts once"


def test_a_full_queue_is_refused_in_words_that_do_not_blame_prometheus() -> None:
    them = turns(at_once=2, each=1, waiting=3, waiting_in_all=5)
    waiting = asked(them, "eve", 4)
    with pytest.raises(faults.Busy, match="3 questions of this user wait for figures already") as own:
        asked(them, "eve", 1)
    asked(them, "mallory", 2)
    with pytest.raises(faults.Busy, match="5 questions wait for figures already") as all_of_them:
        asked(them, "ann", 1)
    assert "Prometheus" not in own.value.message + all_of_them.value.message
    them.join(waiting[-1], user="ann")
    assert waiting[-1].is_waiting, "who wants what another waits for is not refused"


def test_what_is_given_up_leaves_no_trace() -> None:
    them = turns(at_once=4, each=2)
    tickets = [ticket for user in "abcdef" for ticket in asked(them, user, 9)]
    for ticket in tickets:
        them.join(ticket, user="ann")
    for ticket in reversed(tickets):
        them.end(ticket)
        them.end(ticket)
    assert them.under_way == 0
    assert not them._waiting
    assert not them._under_way
    assert not any(lane.queues or lane.under_way for lane in (them._urgent, them._usual))
    assert begun(asked(them, "ann", 1)) == 1


async def test_a_turn_is_waited_for_and_not_for_ever() -> None:
    them = turns(at_once=2, each=1, patience=0.05)
    first, second = asked(them, "ann", 2)
    await them.turn(first)
    with pytest.raises(faults.Busy, match=r"waited 0 s for its turn .* before Prometheus was asked"):
        await them.turn(second)
    waiting = asyncio.create_task(them.turn(second))
    await asyncio.sleep(0)
    them.end(first)
    await waiting
