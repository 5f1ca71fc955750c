"""The judge finds every error: a wrong count, a missing or invented workload, old figures."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.installed import judge, reading

NOON = 1767268800
_SHOP = {"gateway": (738.0, 9.0), "cart": (250.0, 1.0), "payments": (78.0, 3.0), "wishlist": (0.0, 0.0)}


def reply(
    counts: dict[str, tuple[float, float]], *, second: int = 0, window: str = "30s"
) -> list[dict[str, Any]]:
    """An answer for a second after noon."""
    return [
        {
            "metadata": {"name": f"deployment.{name}"},
            "timestamp": f"2026-01-01T12:00:{second:02}Z",
            "window": window,
            "metrics": [
                {"name": "success_count", "value": f"{successes:g}"},
                {"name": "failure_count", "value": f"{failures:g}"},
            ],
        }
        for name, (successes, failures) in counts.items()
    ]


def answer(items: list[dict[str, Any]], *, asked: float = NOON + 20.5, status: int = 200) -> reading.Answer:
    body = json.dumps({"items": items}).encode()
    return reading.Answer(began=0.0, asked=asked, seconds=0.1, status=status, body=body)


@pytest.fixture
def knowing() -> judge.Judge:
    made = judge.Judge()
    for second in range(15, 25):
        made.hear(reply(_SHOP, second=second))
    return made


def test_what_the_untouched_server_says_is_true(knowing: judge.Judge) -> None:
    assert knowing.objections(answer(reply(_SHOP, second=20))) == []


def test_what_comes_between_two_moments_of_one_second_is_no_lie(knowing: judge.Judge) -> None:
    later = _SHOP | {"gateway": (760.0, 8.0), "payments": (81.0, 5.0)}
    assert knowing.objections(answer(reply(later, second=20))) == []


Falsified = dict[str, tuple[float, float]]


@pytest.mark.parametrize(
    ("falsify", "says"),
    [
        pytest.param(lambda s: s | {"gateway": (369.0, 4.0)}, "gateway had 738 successes", id="halved"),
        pytest.param(lambda s: s | {"gateway": (1476.0, 9.0)}, "gateway had 738", id="doubled"),
        pytest.param(lambda s: s | {"gateway": (605.0, 9.0)}, "gateway had 738", id="a sixth too few"),
        pytest.param(lambda s: s | {"cart": (190.0, 1.0)}, "cart had 250", id="a quarter too few of a third"),
        pytest.param(
            lambda s: s | {"payments": (52.0, 2.0)}, "payments had 78", id="a small one, a third off"
        ),
        pytest.param(lambda s: s | {"gateway": (738.0, 40.0)}, "gateway had 9 failures", id="failures"),
        pytest.param(lambda s: s | {"wishlist": (20.0, 0.0)}, "wishlist had 0", id="traffic of an idle one"),
        pytest.param(lambda s: {k: v for k, v in s.items() if k != "cart"}, "cart is missing", id="left out"),
        pytest.param(lambda s: s | {"ghost": (1.0, 0.0)}, "ghost is invented", id="invented"),
    ],
)
def test_a_falsified_sample_is_found(
    knowing: judge.Judge, falsify: Callable[[Falsified], Falsified], says: str
) -> None:
    found = knowing.objections(answer(reply(falsify(_SHOP), second=20)))
    assert any(says in one for one in found), found
    with pytest.raises(AssertionError, match=says):
        knowing.never_wrong([answer(reply(falsify(_SHOP), second=20))])


def test_what_is_kept_quiet_is_found(knowing: judge.Judge) -> None:
    items = reply(_SHOP, second=20)
    del items[2]["metrics"][0]
    (one,) = knowing.objections(answer(items))
    assert one == "deployment.payments had 78 successes, of which nothing is said"


def test_true_figures_of_long_ago_are_not_true_now(knowing: judge.Judge) -> None:
    (one,) = knowing.objections(answer(reply(_SHOP, second=20), asked=NOON + 40))
    assert one == "the figures were 20 s old when they were asked for"


def test_figures_of_another_window_are_not_those_that_were_asked_for(knowing: judge.Judge) -> None:
    (one,) = knowing.objections(answer(reply(_SHOP, second=20, window="60s")))
    assert one == "the window is 60 s, not 30 s"


def test_no_figures_are_not_true_but_not_wrong_either(knowing: judge.Judge) -> None:
    refused = answer([], status=503)
    assert knowing.objections(refused) != []
    knowing.never_wrong([refused])
    assert knowing.objections(answer([])) == ["it tells of nobody"]
    with pytest.raises(AssertionError):
        knowing.never_wrong([answer([])])
    with pytest.raises(AssertionError):
        knowing.never_wrong([answer([], status=401)])


def test_the_further_the_known_second_the_more_may_have_come(knowing: judge.Judge) -> None:
    changed = reply(_SHOP | {"gateway": (850.0, 9.0)}, second=29)
    assert knowing.objections(answer(changed, asked=NOON + 29)) == []
    assert judge.tolerance(25.0, apart=2.0) < 0.11 * 750
