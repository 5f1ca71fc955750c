"""The cache is limited in number and weight of its values; it keeps the most recently used ones."""

from __future__ import annotations

from metrics_server.store import bounded_cache


def test_what_was_used_longest_ago_makes_room() -> None:
    kept = bounded_cache.BoundedCache[str, int](most=2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.use("a") == 1
    kept.put("c", 3)
    assert kept.items() == [("a", 1), ("c", 3)]
    assert "b" not in kept
    assert kept.use("b") is None


def test_a_look_is_no_use() -> None:
    kept = bounded_cache.BoundedCache[str, int](most=2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.peek("a") == 1
    kept.put("c", 3)
    assert kept.peek("a") is None


def test_heavy_values_make_room_earlier_but_for_the_least() -> None:
    kept = bounded_cache.BoundedCache[str, int](most=10, least=2, heaviest=100)
    for number, name in enumerate("abc"):
        kept.put(name, number, weight=40)
    assert [name for name, _ in kept.items()] == ["b", "c"]
    kept.put("d", 4, weight=1000)
    assert [name for name, _ in kept.items()] == ["c", "d"], "two stay whatever they weigh"
    kept.drop("d")
    kept.drop("d")
    kept.put("e", 5, weight=60)
    assert [name for name, _ in kept.items()] == ["c", "e"], "what is dropped weighs nothing any more"


def test_a_value_that_is_put_again_is_weighed_once() -> None:
    kept = bounded_cache.BoundedCache[str, int](most=10, heaviest=100)
    kept.put("b", 0, weight=30)
    for number in range(5):
        kept.put("a", number, weight=60)
    assert kept.items() == [("b", 0), ("a", 4)]
