"""A YAML file is read as its author meant it, or refused with the place of the fault."""

from __future__ import annotations

import pytest

from metrics_server.profiles import strict_yaml


def test_a_document_is_what_it_holds() -> None:
    assert strict_yaml.read("a: {b: [1, x]}") == {"a": {"b": [1, "x"]}}
    assert strict_yaml.read("# nothing") is None


def test_what_is_referred_to_again_is_no_second_key() -> None:
    assert strict_yaml.read("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}")["c"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\nb:\n  c: 2\n  c: 3\n", "line 4: the key 'c' occurs twice"),
        ("a: 1\n---\nb: 2", "several documents; keep only one"),
        ("a: [", "line 2, column 1"),
        ("a: \x00", "control characters are not allowed"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("{[1]: 2}", "unhashable"),
        ("a: 2026-13-45", "month must be in 1..12"),
        ("a: &a [*a]", "line 1: the value that begins here contains itself"),
        ("a: &a {b: {c: *a}}", "line 1: the value that begins here contains itself"),
        pytest.param(
            "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9 if n else 'x'}]\n" for n in range(20)),
            "aliases repeat more than 100000 values; write the values out",
            id="nine to the nineteenth",
        ),
        pytest.param("[" * 4000 + "]" * 4000, "nested too deeply", id="four thousand deep"),
        pytest.param(
            "[" * 100_000 + "]" * 100_000, "nested more than 100 deep", id="a hundred thousand deep"
        ),
        pytest.param("- " * 100_000, "nested more than 100 deep", id="a list of lists of lists"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(strict_yaml.Malformed, match=why):
        strict_yaml.read(text)
