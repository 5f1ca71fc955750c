"""Names are replaced consistently, and what is no name stays."""

from __future__ import annotations

import re

import hypothesis
import pytest
from hypothesis import strategies

from metrics_server.dumps import anonymous, replacement
from metrics_server.profiles import loading

WORDS = replacement.Replacements(b"a key", loading.shipped())


@pytest.mark.parametrize(
    "text",
    [
        "200", "5xx", "8080", "+Inf", "unknown", "outbound|8080||", "127.0.0.1:8080", "::1",
        "Deployment", "UNAVAILABLE", "svc.cluster.local", "default", "",
    ],
)  # fmt: skip
def test_what_is_no_name_stays(text: str) -> None:
    assert WORDS.of(text) == text


def test_the_parts_of_a_name_are_replaced_wherever_they_are() -> None:
    shop, cart = WORDS.of("acme"), WORDS.of("basket")
    assert {shop, cart}.isdisjoint({"acme", "basket"})
    assert WORDS.of("acme-basket-8080@kubernetescrd") == f"{shop}-{cart}-8080@kubernetescrd"
    assert (
        WORDS.of("outbound|80||basket.acme.svc.cluster.local")
        == f"outbound|80||{cart}.{shop}.svc.cluster.local"
    )
    assert WORDS.of("BASKET_acme") == f"{cart.upper()}_{shop}"


def test_a_hash_in_the_name_of_a_pod_stays_one() -> None:
    name = WORDS.of("basket-7d4b9c6f5d-x7k2p")
    assert re.fullmatch(r"[a-z]{6}-[bcdf2456789]{10}-[bcdfghjklmnpqrstvwxz2456789]{5}", name)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("10.4.7.19:15090", r"10\.0\.0\.\d+:15090"),
        ("ip-172-31-4-9.internal", r"ip-10-0-0-\d+\.internal"),
        ("10_4_7_19", r"10_0_0_\d+"),
        ("[2a00:1450:4001::71]:8080", r"\[fd00::\w+\]:8080"),
        ("spiffe://acme.example/ns/shop", r"\w{6}://\w+\.\w+/\w+/\w+"),
    ],
)
def test_addresses_are_replaced_by_addresses(text: str, pattern: str) -> None:
    other = WORDS.of(text)
    assert re.fullmatch(pattern, other), other
    assert other != text
    assert WORDS.of(text) == other


def test_one_address_is_replaced_by_one_address_however_it_is_written() -> None:
    assert WORDS.of("10.4.7.19").replace(".", "-") == WORDS.of("10-4-7-19")


@hypothesis.given(strategies.sets(strategies.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), max_size=200))
def test_different_words_stay_different(names: set[str]) -> None:
    words = replacement.Replacements(b"key", [])
    assert len({words.of(name) for name in names}) == len(names)


def test_of_objects_only_what_an_inventory_reads_stays() -> None:
    text = """
apiVersion: v1
kind: Pod
metadata:
  name: basket-1
  namespace: acme
  labels: {app: basket}
  annotations: {password: hunter2}
spec:
  nodeName: rack-7
  containers: [{env: [{name: TOKEN, value: hunter2}]}]
status: {podIP: 10.4.7.19, hostIP: 192.168.1.1}
"""
    other = anonymous.Names(WORDS, loading.shipped()).of_yaml(text, source="objects.yaml")
    for secret in ("basket", "acme", "hunter2", "TOKEN", "rack", "10.4.7", "192.168"):
        assert secret not in other
    assert "kind: Pod" in other
    assert f"app: {WORDS.of('basket')}" in other
