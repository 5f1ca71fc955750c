from __future__ import annotations

from collections.abc import Callable

import pytest

from metrics_server.inventory import objects, tombstones
from metrics_server.model import kinds


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Callable[..., tombstones.Tombstones]:
    def made(keep: float = 60.0, most: int = 100) -> tombstones.Tombstones:
        return tombstones.Tombstones(clock=clock, keep=keep, most=most)

    return made


Make = Callable[..., tombstones.Tombstones]


def ref(name: str, *, kind: str = "Pod") -> kinds.Ref:
    return kinds.Ref(kind, "shop", name)


def made(name: str, *, kind: str = "Pod", node: str = "", **labels: str) -> objects.Object:
    return objects.Object(ref=ref(name, kind=kind), node=node, labels=labels)


def test_what_is_put_is_known_until_it_is_dropped(make: Make) -> None:
    known = make()
    known.put(made("cart", node="node-a"))
    assert known.current() == objects.Inventory({ref("cart"): made("cart", node="node-a")})
    known.put(made("cart", node="node-b"))
    assert known.current().objects[ref("cart")].node == "node-b"
    known.drop(ref("cart"))
    assert known.current().objects == {}


def test_an_inventory_that_was_given_out_never_changes(make: Make) -> None:
    known = make()
    known.put(made("cart"))
    before = known.current()
    known.put(made("web"))
    known.drop(ref("cart"))
    assert before == objects.Inventory({ref("cart"): made("cart")})


def test_where_nothing_changed_it_is_the_same_one(make: Make) -> None:
    known = make()
    known.put(made("cart", app="cart"))
    before = known.current()
    # For example, the pod became ready: none of its fields that the inventory keeps has changed.
    known.put(made("cart", app="cart"))
    known.drop(ref("never-heard-of"))
    known.replace("Pod", {ref("cart"): made("cart", app="cart")})
    assert known.current() is before


def test_what_is_deleted_is_known_as_it_last_was_for_a_while(make: Make, clock: Clock) -> None:
    known = make(keep=60.0)
    known.put(made("cart", node="node-a"))
    known.drop(ref("cart"))
    clock.now += 59.0
    assert known.current().gone == {ref("cart"): made("cart", node="node-a")}
    assert known.current().known == known.current().gone
    clock.now += 1.0
    assert known.current() == objects.Inventory()


def test_what_comes_back_under_the_same_name_replaces_what_went(make: Make) -> None:
    known = make()
    known.put(made("cart-0", node="node-a"))
    known.drop(ref("cart-0"))
    known.put(made("cart-0", node="node-a"))
    assert known.current() == objects.Inventory({ref("cart-0"): made("cart-0", node="node-a")})


def test_what_goes_twice_is_kept_from_the_second_time(make: Make, clock: Clock) -> None:
    known = make(keep=60.0)
    for name in ("cart-0", "web-0"):
        known.put(made(name))
        known.drop(ref(name))
    clock.now += 50.0
    known.put(made("cart-0"))
    known.drop(ref("cart-0"))
    clock.now += 50.0
    assert set(known.current().gone) == {ref("cart-0")}


def test_no_more_are_kept_than_that_the_oldest_go_first(make: Make) -> None:
    known = make(most=2)
    for name in ("a", "b", "c"):
        known.put(made(name))
    for name in ("b", "a", "c"):
        known.drop(ref(name))
    assert list(known.current().gone) == [ref("a"), ref("c")]


def test_a_list_says_what_is_gone_of_its_kind_and_of_no_other(make: Make) -> None:
    known = make()
    known.put(made("cart"))
    known.put(made("web"))
    known.put(made("web", kind="Deployment"))
    known.replace("Pod", {ref("web"): made("web", node="node-b"), ref("new"): made("new")})
    now = known.current()
    assert set(now.objects) == {ref("web"), ref("new"), ref("web", kind="Deployment")}
    assert now.objects[ref("web")].node == "node-b"
    assert set(now.gone) == {ref("cart")}
