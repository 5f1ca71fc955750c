"""Lines of the text format are read and written without a loss."""

from __future__ import annotations

import pytest

from metrics_server.dumps import exposition


@pytest.mark.parametrize(
    ("line", "name", "labels", "rest"),
    [
        ("up 1", "up", {}, "1"),
        ('a_total{x="1",y="b c"} 2 1700000000000', "a_total", {"x": "1", "y": "b c"}, "2 1700000000000"),
        ('a{x="}, y=\\"1\\"\\n\\\\",} NaN', "a", {"x": '}, y="1"\n\\'}, "NaN"),
        ('{"http.requests","k8s.pod"="p"} 3', "http.requests", {"k8s.pod": "p"}, "3"),
        ('a { x = "1" , y = "2" } 1e3', "a", {"x": "1", "y": "2"}, "1e3"),
        ("a{} 1", "a", {}, "1"),
    ],
)
def test_a_line_is_read_and_written(line: str, name: str, labels: dict[str, str], rest: str) -> None:
    read = exposition.read(line)
    assert (read.name, dict(read.labels), read.rest) == (name, labels, rest)
    assert exposition.read(exposition.write(read)) == read


@pytest.mark.parametrize("line", ["a", "{} 1", 'a{x="1" 1', "a{x=1} 1", 'a{x="1', '{"a","b"} 1', "1 2"])
def test_a_line_that_is_no_sample_is_refused(line: str) -> None:
    with pytest.raises(exposition.BadLine):
        exposition.read(line)


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(exposition.BadLine, match="'x' is no number"):
        _ = exposition.read("a x").value
