import gzip
import json

import pytest
import yaml

from apiservice.http import encoding


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, gzip;q=1.0", True),
        ("GZIP ; q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("br", False),
        ("*", True),
        ("identity", False),
    ],
)
def test_gzip_is_sent_only_to_those_who_accept_it(header: str, accepted: bool) -> None:
    assert encoding.accepts_gzip(header) is accepted


async def test_compression_loses_nothing_and_is_the_same_every_time() -> None:
    body = b"fruit " * 10_000
    packed = await encoding.compress(body)
    assert gzip.decompress(packed) == body
    assert len(packed) < len(body) / 10
    assert packed == await encoding.compress(body)


def test_a_part_that_is_shared_is_written_out_each_time_in_yaml() -> None:
    shared = {"app": "cart"}
    text = encoding.dump({"a": shared, "b": shared}, subtype="yaml", pretty=False).decode()
    assert "&" not in text
    assert yaml.safe_load(text) == {"a": shared, "b": shared}


@pytest.mark.parametrize("pretty", [True, False])
def test_json_ends_with_a_line_break_and_keeps_every_character(pretty: bool) -> None:
    body = encoding.dump({"colour": "grün"}, subtype="json", pretty=pretty)
    assert body.endswith(b"\n")
    assert json.loads(body) == {"colour": "grün"}
