from __future__ import annotations

import pytest

from metrics_server.model import faults
from metrics_server.upstream import proxy_errors


def refused(status: int, *, body: bytes = b"", location: str = "") -> faults.BackendRefused:
    fault = proxy_errors.refusal(status, body=body, location=location, presented="the token in f")
    assert fault is not None
    return fault


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_with_its_goal_and_without_what_logins_carry_there(status: int) -> None:
    fault = refused(status, location="https://me:secret@login.example/start?state=secret#secret")
    assert fault.message == "Prometheus' address redirects to another address"
    assert f"status {status} to https://login.example/start, which is not followed" in fault.detail
    assert "secret" not in fault.detail


@pytest.mark.parametrize("location", ["", "http://[", "/login?x=secret"])
def test_a_redirect_to_nowhere_is_told_too(location: str) -> None:
    assert "secret" not in refused(302, location=location).detail


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_told_by_what_was_presented(status: int) -> None:
    fault = refused(status, body=b"<html>")
    assert fault.message == "Prometheus refuses the server's credentials"
    assert f"status {status}; client credential sent: the token in f" in fault.detail


def test_a_web_page_is_told() -> None:
    fault = refused(200, body=b"\n<!doctype html>")
    assert fault.message == "Prometheus' address answers with a web page instead of figures"
    assert "--prometheus" in fault.detail


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"{}"), (422, b"{}"), (502, b"<html>"), (404, b"<html>"), (200, b"")]
)
def test_anything_else_is_left_to_who_reads_it(status: int, body: bytes) -> None:
    assert proxy_errors.refusal(status, body=body) is None


def test_a_wrong_path_and_a_wrong_scheme_have_a_hint() -> None:
    assert "path of --prometheus" in proxy_errors.hint(404, b"")
    assert "https://" in proxy_errors.hint(400, b"Client sent an HTTP request to an HTTPS server.\n")
    assert proxy_errors.hint(422, b"{}") == ""
