from __future__ import annotations

import math
from pathlib import Path

import pytest

from metrics_server import profile, serving, settings

URL = "http://prometheus.monitoring:9090"


def test_the_defaults_are_these() -> None:
    assert settings.load(prometheus=URL).model_dump() == {
        "prometheus": URL,
        "listen": "127.0.0.1:8443",
        "state": Path(".run/server"),
        "kubeconfig": None,
        "cluster": None,
        "service": None,
        "inventory": None,
        "profile": "envoy",
        "window": 30.0,
        "refresh": 5.0,
        "stale_after": 90.0,
        "patience": 20.0,
    }


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8443", ("127.0.0.1", 8443)),
        ("[::1]:443", ("::1", 443)),
        ("localhost:0", ("localhost", 0)),
        ("0.0.0.0:65535", ("0.0.0.0", 65535)),  # noqa: S104 - read, not bound
    ],
)
def test_an_address_is_a_host_and_a_port(listen: str, address: tuple[str, int]) -> None:
    assert settings.load(prometheus=URL, listen=listen).address == address


def test_the_environment_is_read_and_options_override_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAFFIC_PROMETHEUS", URL)
    monkeypatch.setenv("TRAFFIC_WINDOW", "60")
    monkeypatch.setenv("TRAFFIC_STALE_AFTER", "45")
    chosen = settings.load(prometheus=None, window=None, stale_after=20.0)
    assert (chosen.prometheus, chosen.window, chosen.stale_after) == (URL, 60.0, 20.0)


def test_settings_do_not_change() -> None:
    chosen = settings.load(prometheus=URL)
    with pytest.raises(ValueError, match="frozen"):
        setattr(chosen, "window", 1.0)  # noqa: B010 - a plain assignment is refused by the type checker


def test_without_a_prometheus_nothing_is_guessed() -> None:
    with pytest.raises(settings.BadSettings, match=r"^--prometheus \(TRAFFIC_PROMETHEUS\): is required$"):
        settings.load()


def test_all_mistakes_are_told_at_once_by_option_and_variable() -> None:
    with pytest.raises(settings.BadSettings) as refused:
        settings.load(prometheus="prometheus:9090", listen="8443", window="soon", stale_after=-1, refresh=0)
    lines = str(refused.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "--prometheus (TRAFFIC_PROMETHEUS)",
        "--listen (TRAFFIC_LISTEN)",
        "--window (TRAFFIC_WINDOW)",
        "--refresh (TRAFFIC_REFRESH)",
        "--stale-after (TRAFFIC_STALE_AFTER)",
    ]
    assert "such as http://prometheus.monitoring:9090" in lines[0]
    assert "such as 127.0.0.1:8443" in lines[1]


@pytest.mark.parametrize(
    "url", ["", "prometheus", "ftp://x", "http://", "http://[", "http://x:port", "/path"]
)
def test_what_is_no_base_of_a_query_api_is_refused(url: str) -> None:
    with pytest.raises(settings.BadSettings, match="--prometheus"):
        settings.load(prometheus=url)


@pytest.mark.parametrize("listen", ["", ":8443", "localhost", "localhost:", "localhost:-1", "h:65536", "h:²"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(settings.BadSettings, match="--listen"):
        settings.load(prometheus=URL, listen=listen)


@pytest.mark.parametrize(
    "seconds",
    [
        0,
        -1,
        math.nan,
        math.inf,
    ],
)
def test_a_window_is_a_positive_number_of_seconds(seconds: float) -> None:
    with pytest.raises(settings.BadSettings, match="--window"):
        settings.load(prometheus=URL, window=seconds)


def test_a_profile_is_chosen_by_name_or_file(tmp_path: Path) -> None:
    assert serving.choose_profile("envoy").name == "envoy"
    with pytest.raises(profile.BadProfile, match="no profile is called 'evnoy'; shipped are envoy"):
        serving.choose_profile("evnoy")
    with pytest.raises(profile.BadProfile, match="cannot be read"):
        serving.choose_profile(str(tmp_path / "absent.yaml"))
