"""Settings come from options and the environment; the error for a wrong one says what to give instead."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from metrics_server.model import label_matchers
from metrics_server.settings import formats, mistakes, settings

URL = "http://prometheus.monitoring:9090"


def test_the_defaults_are_these() -> None:
    assert settings.load(prometheus=URL).model_dump() == {
        "prometheus": URL,
        "prometheus_selector": None,
        "prometheus_ca": None,
        "prometheus_certificate": None,
        "prometheus_key": None,
        "prometheus_token": None,
        "prometheus_username": None,
        "prometheus_password": None,
        "prometheus_headers": None,
        "listen": "127.0.0.1:8443",
        "state": Path(".run/server"),
        "kubeconfig": None,
        "cluster": None,
        "service": None,
        "tls_secret": None,
        "tls_certificate": None,
        "tls_key": None,
        "tls_names": None,
        "shutdown_delay": 0.0,
        "access_log": None,
        "inventory": None,
        "splits": "smi",
        "profile": "auto",
        "profile_pack": None,
        "policy": None,
        "window": 30.0,
        "refresh": 5.0,
        "stale_after": 90.0,
        "autoscaling": False,
        "autoscaling_fallback": None,
        "autoscaling_fallback_ca": None,
        "autoscaling_fallback_token": Path("/var/run/secrets/kubernetes.io/serviceaccount/token"),
        "patience": 20.0,
        "fetches": 8,
        "answer_limit": None,
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


def test_an_empty_variable_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAFFIC_PROMETHEUS", URL)
    monkeypatch.setenv("TRAFFIC_PROMETHEUS_CA", "")
    assert settings.load().prometheus_ca is None


@pytest.mark.parametrize(
    ("given", "logs"),
    [
        ({}, False),
        ({"access_log": True}, True),
        ({"cluster": "in-cluster"}, True),
        ({"cluster": "in-cluster", "access_log": False}, False),
    ],
)
def test_who_read_what_is_logged_in_a_cluster_unless_settings_say_otherwise(
    given: dict[str, object], logs: bool
) -> None:
    assert settings.load(prometheus=URL, **given).logs_access is logs


@pytest.mark.parametrize(
    ("given", "sources"),
    [
        (None, {"smi"}),
        ("none", set()),
        ("istio", {"istio"}),
        ("gateway, smi,gateway", {"smi", "gateway"}),
        ("smi,gateway,linkerd,istio", {"smi", "gateway", "linkerd", "istio"}),
    ],
)
def test_the_sources_of_splits_are_a_list(given: str | None, sources: set[str]) -> None:
    assert settings.load(prometheus=URL, splits=given).split_sources == sources


@pytest.mark.parametrize("given", ["consul", "smi;istio", "smi,", ",", "none,smi", "SMI", "x" * 5000])
def test_a_source_of_splits_that_is_none_is_named(given: str) -> None:
    with pytest.raises(mistakes.BadSettings) as refused:
        settings.load(prometheus=URL, splits=given)
    text = str(refused.value)
    assert text.startswith("--splits (TRAFFIC_SPLITS): ")
    assert "is no source of splits; give some of smi, gateway, linkerd, istio, traefik" in text
    assert len(text) < 300


def test_settings_do_not_change() -> None:
    chosen = settings.load(prometheus=URL)
    with pytest.raises(ValueError, match="frozen"):
        setattr(chosen, "window", 1.0)  # noqa: B010 - the type checker refuses a plain assignment


def test_without_a_prometheus_nothing_is_guessed() -> None:
    with pytest.raises(mistakes.BadSettings, match=r"^--prometheus \(TRAFFIC_PROMETHEUS\): is required$"):
        settings.load()


def test_all_mistakes_are_told_at_once_by_option_and_variable() -> None:
    with pytest.raises(mistakes.BadSettings) as refused:
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
    "url",
    ["https://reader:secret@host", "https://reader@host", "https://:secret@host", "https://h?key=secret"],
)
def test_a_secret_in_a_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(mistakes.BadSettings, match="--prometheus") as refused:
        settings.load(prometheus=url)
    assert "secret" not in f"{refused.value!r} {refused.value.__cause__} {refused.value.__context__!r}"


def test_parameters_of_the_url_are_kept_and_their_values_are_not_logged() -> None:
    url = "http://vm:8481/select/0/prometheus?extra_label=cluster=eu&extra_label=env=live"
    assert settings.load(prometheus=url).prometheus == url
    assert formats.base(url) == "http://vm:8481/select/0/prometheus?extra_label=…"
    assert formats.base(URL) == URL


@pytest.mark.parametrize("name", ["query", "time", "latency_offset"])
def test_parameters_that_the_server_sets_are_refused(name: str) -> None:
    with pytest.raises(mistakes.BadSettings, match=f"sets the parameter {name}.*remove it"):
        settings.load(prometheus=f"{URL}?{name}=1")


def test_a_selector_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAFFIC_PROMETHEUS_SELECTOR", 'cluster="eu"')
    assert settings.load(prometheus=URL).matchers == (label_matchers.Matcher("cluster", "=", "eu"),)


def test_a_wrong_selector_is_refused_with_what_to_give() -> None:
    with pytest.raises(
        mistakes.BadSettings, match=r"^--prometheus-selector .*: put the value in double quotes"
    ):
        settings.load(prometheus=URL, prometheus_selector="cluster=eu")


@pytest.mark.parametrize(
    "url", ["", "prometheus", "ftp://x", "http://", "http://[", "http://x:port", "/path"]
)
def test_what_is_no_base_of_a_query_api_is_refused(url: str) -> None:
    with pytest.raises(mistakes.BadSettings, match="--prometheus"):
        settings.load(prometheus=url)


@pytest.mark.parametrize("called", ["adapter", "a.b.svc", "a.b:", "a.b:0", "a.b:65536", "https://a.b", "A.b"])
def test_what_is_no_service_is_refused(called: str) -> None:
    with pytest.raises(mistakes.BadSettings, match=r"NAME\.NAMESPACE:PORT"):
        settings.load(
            prometheus=URL, autoscaling=True, autoscaling_fallback=called, autoscaling_fallback_ca="c"
        )


@pytest.mark.parametrize("listen", ["", ":8443", "localhost", "localhost:", "localhost:-1", "h:65536", "h:²"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(mistakes.BadSettings, match="--listen"):
        settings.load(prometheus=URL, listen=listen)


def test_names_of_the_certificate_are_read() -> None:
    chosen = settings.load(prometheus=URL, tls_names="traffic.example, [::2],192.0.2.7,traffic.example")
    assert chosen.further_names == ("traffic.example", "::2", "192.0.2.7")


@pytest.mark.parametrize("names", ["a b", "a,,b", "0.0.0.0,b", "[::]", "https://a", "a:8443", "*"])
def test_what_is_no_name_of_one_host_is_refused(names: str) -> None:
    with pytest.raises(mistakes.BadSettings, match=r"--tls-names .*give host names and addresses"):
        settings.load(prometheus=URL, tls_names=names)


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
    with pytest.raises(mistakes.BadSettings, match="--window"):
        settings.load(prometheus=URL, window=seconds)
