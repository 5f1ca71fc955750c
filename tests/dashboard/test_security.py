"""The page loads only its own files, no site can frame it, and only its own host name is accepted."""

import flask
import flask.testing
import pytest

from dashboard.web import security


def _client(host: str) -> flask.testing.FlaskClient:
    server = flask.Flask("page")
    server.add_url_rule("/", view_func=lambda: "page")
    security.protect(server, script_hashes=["'sha256-abc'"], host=host)
    return server.test_client()


def test_every_answer_carries_the_strict_headers() -> None:
    headers = _client("127.0.0.1").get("/", headers={"Host": "127.0.0.1:8050"}).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self' 'sha256-abc';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "name", ["127.0.0.1:8050", "localhost:8050", "localhost", "[::1]:8050", "127.0.0.9:8050"]
)
def test_a_server_on_loopback_answers_to_loopback_names(name: str) -> None:
    assert _client("127.0.0.9").get("/", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize("name", ["evil.example:8050", "127.0.0.1.evil.example", "[::1].evil.example", ""])
def test_a_server_on_loopback_refuses_every_other_name(name: str) -> None:
    answer = _client("127.0.0.1").get("/", headers={"Host": name})
    assert answer.status_code in (400, 421)


def test_a_server_for_others_leaves_names_to_whoever_put_it_there() -> None:
    assert _client("0.0.0.0").get("/", headers={"Host": "traffic.example.com"}).status_code == 200  # noqa: S104  # not bound
