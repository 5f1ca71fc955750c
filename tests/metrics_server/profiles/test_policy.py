"""The decisions of an operator's policy file about profiles and namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics_server.profiles import policy


def read(text: str, folder: Path) -> policy.Policy:
    file = folder / "policy.yaml"
    file.write_text(text)
    return policy.load(file)


def test_by_default_an_answer_of_4xx_is_a_success_and_every_profile_counts_everywhere() -> None:
    assert not policy.Policy().is_strict("istio", "shop")
    assert policy.Policy().allows("istio", "shop")


def test_the_nearest_decision_counts(tmp_path: Path) -> None:
    decided = read(
        """
        client_errors: failure
        profiles: {istio: {client_errors: success}}
        namespaces: {payments: {client_errors: failure}, shop: {}}
        """,
        tmp_path,
    )
    assert decided.is_strict("envoy", "shop")
    assert not decided.is_strict("istio", "shop")
    assert decided.is_strict("istio", "payments")


def test_a_namespace_may_choose_whose_words_count(tmp_path: Path) -> None:
    decided = read("namespaces: {payments: {profiles: [linkerd]}, shop: {}}", tmp_path)
    assert decided.allows("linkerd", "payments")
    assert not decided.allows("istio", "payments")
    assert decided.allows("istio", "shop")
    assert decided.named == {"linkerd"}


def test_an_empty_file_decides_nothing(tmp_path: Path) -> None:
    assert read("", tmp_path) == policy.Policy()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("client_errors: maybe", "client_errors: Input should be 'success' or 'failure'"),
        ("namespaces: {shop: {profiles: []}}", "namespaces.shop.profiles: Tuple should have at least 1"),
        ("surprise: 1", "surprise: Extra inputs are not permitted"),
        ("[1]", r"\(top\): Input should be a valid dictionary"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_file_key_and_reason(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(policy.BadPolicy, match=f"policy.yaml: {why}"):
        read(text, tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(policy.BadPolicy, match=r"absent.yaml: cannot be read"):
        policy.load(tmp_path / "absent.yaml")
