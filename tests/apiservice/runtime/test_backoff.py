import itertools

from apiservice.runtime import backoff


def test_pauses_grow_to_the_longest_and_never_end() -> None:
    pauses = backoff.Backoff(first=1.0, factor=2.0, jitter=0.0, longest=5.0).pauses()
    assert list(itertools.islice(pauses, 5)) == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_pauses_are_spread() -> None:
    first = [next(backoff.Backoff(first=1.0, jitter=0.2).pauses()) for _ in range(50)]
    assert len(set(first)) > 1
    assert all(1.0 <= pause <= 1.2 for pause in first)
