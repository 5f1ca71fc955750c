from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from metrics_server.settings import mistakes, settings
from metrics_server.upstream import credential_files, credentials
from tests.apiservice import pki

HTTPS = "https://prometheus.monitoring:9090"


def chosen(url: str = HTTPS, **given: Any) -> settings.Settings:
    return settings.load(prometheus=url, **given)


def file(folder: Path, name: str, content: str) -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


def test_nothing_is_presented_unless_it_is_given() -> None:
    shown = credential_files.current(chosen("http://prometheus:9090"))()
    assert shown == credentials.NOTHING


def test_a_password_goes_together_with_further_headers_and_is_described(tmp_path: Path) -> None:
    password = file(tmp_path, "password", "correct horse")
    headers = file(tmp_path, "headers", "X-Scope-OrgID: shop")
    given: dict[str, Any] = {
        "prometheus_username": "reader",
        "prometheus_password": password,
        "prometheus_headers": headers,
    }
    shown = credential_files.current(chosen(**given))()
    assert set(shown.headers) == {"Authorization", "X-Scope-OrgID"}
    assert shown.tls is not None
    assert shown.presented == f"user 'reader' with the password in {password} and the headers in {headers}"


def test_each_file_is_used_as_it_is_when_it_is_asked_for(tmp_path: Path) -> None:
    token = file(tmp_path, "token", "one")
    headers = file(tmp_path, "headers", "A: 1")
    now = credential_files.current(chosen(prometheus_token=token, prometheus_headers=headers))
    assert now().headers == {"Authorization": "Bearer one", "A": "1"}
    file(tmp_path, "token", "two")
    file(tmp_path, "headers", "B: 2")
    assert now().headers == {"Authorization": "Bearer two", "B": "2"}


def test_a_context_stays_the_same_until_its_files_change(tmp_path: Path) -> None:
    ca = file(tmp_path, "ca.crt", pki.authority("one").pem.decode())
    now = credential_files.current(chosen(prometheus_ca=ca))
    first = now().tls
    assert now().tls is first
    file(tmp_path, "ca.crt", pki.authority("two").pem.decode())
    assert now().tls is not first
    assert now().trusted_cas == f"those in {ca} (--prometheus-ca)"


def test_one_file_that_becomes_useless_keeps_its_last_value_and_hinders_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = file(tmp_path, "token", "one")
    headers = file(tmp_path, "headers", "A: 1")
    now = credential_files.current(chosen(prometheus_token=token, prometheus_headers=headers))
    token.unlink()
    file(tmp_path, "headers", "A: 2")
    assert now().headers == {"Authorization": "Bearer one", "A": "2"}
    assert f"{token} changed and cannot be used, what was is kept" in caplog.text
    file(tmp_path, "headers", "A 3 secret")
    assert now().headers == {"Authorization": "Bearer one", "A": "2"}
    assert "line 1 has no colon" in caplog.text
    assert "secret" not in caplog.text


def test_all_files_that_cannot_be_used_at_first_are_told_at_once_by_option(tmp_path: Path) -> None:
    with pytest.raises(mistakes.BadSettings) as refused:
        credential_files.current(
            chosen(
                prometheus_token=tmp_path / "absent",
                prometheus_headers=file(tmp_path, "headers", "A: 1\nsecret"),
                prometheus_ca=file(tmp_path, "ca.crt", "hello"),
            )
        )
    token, headers, ca = str(refused.value).splitlines()
    assert token == (
        f"--prometheus-token (TRAFFIC_PROMETHEUS_TOKEN): {tmp_path / 'absent'}: No such file or directory; "
        "create it or give another path"
    )
    assert headers.startswith("--prometheus-headers (TRAFFIC_PROMETHEUS_HEADERS): ")
    assert "line 2 has no colon" in headers
    assert ca.startswith("--prometheus-ca (TRAFFIC_PROMETHEUS_CA): ")
    assert "secret" not in str(refused.value)


def test_an_authorization_among_the_headers_is_accepted_alone_only(tmp_path: Path) -> None:
    headers = file(tmp_path, "headers", "Authorization: Custom x")
    assert credential_files.current(chosen(prometheus_headers=headers))().headers == {
        "Authorization": "Custom x"
    }
    token = file(tmp_path, "token", "one")
    with pytest.raises(mistakes.BadSettings, match="although a token or a password is given"):
        credential_files.current(chosen(prometheus_headers=headers, prometheus_token=token))


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("http://prometheus.monitoring:9090", True),
        ("http://10.0.0.1:9090", True),
        ("https://prometheus.monitoring:9090", False),
        ("http://localhost:9090", False),
        ("http://127.0.0.3:9090", False),
        ("http://[::1]:9090", False),
    ],
)
def test_a_secret_that_somebody_on_the_way_could_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, url: str, warns: bool
) -> None:
    caplog.set_level(logging.WARNING)
    credential_files.current(chosen(url, prometheus_token=file(tmp_path, "token", "one")))
    assert ("the credential of --prometheus-token is sent to Prometheus unencrypted" in caplog.text) is warns
