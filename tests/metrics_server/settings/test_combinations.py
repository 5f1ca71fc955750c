"""Settings that fit together, and settings that do not: each error says which option to give."""

from __future__ import annotations

import pytest

from metrics_server.settings import mistakes, settings

SECURE = {"prometheus": "https://prometheus.monitoring:9090"}
PLAIN = {"prometheus": "http://prometheus.monitoring:9090"}


@pytest.mark.parametrize(
    "given",
    [
        {"prometheus_ca": "ca.crt"},
        {"prometheus_certificate": "tls.crt", "prometheus_key": "tls.key"},
        {"prometheus_certificate": "tls.crt", "prometheus_key": "tls.key", "prometheus_token": "token"},
        {"prometheus_username": "reader", "prometheus_password": "password", "prometheus_headers": "headers"},
        {"prometheus_token": "token", "prometheus_headers": "headers", "prometheus_ca": "ca.crt"},
        {"tls_secret": "serving", "cluster": "in-cluster", "service": "traffic.metrics"},
        {"cluster": "c", "tls_certificate": "tls.crt", "tls_key": "tls.key"},
        {
            "autoscaling": "True",
            "autoscaling_fallback": "adapter.monitoring:6443",
            "autoscaling_fallback_ca": "ca.crt",
        },
    ],
)
def test_what_goes_together_is_accepted(given: dict[str, str]) -> None:
    chosen = settings.load(**SECURE, **given)
    assert {name: str(getattr(chosen, name)) for name in given} == given


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            SECURE | {"prometheus_certificate": "c"},
            "--prometheus-key (TRAFFIC_PROMETHEUS_KEY): --prometheus-certificate needs --prometheus-key",
        ),
        (SECURE | {"prometheus_key": "k"}, "--prometheus-key needs --prometheus-certificate"),
        (SECURE | {"prometheus_username": "u"}, "--prometheus-username needs --prometheus-password"),
        (SECURE | {"prometheus_password": "p"}, "--prometheus-password needs --prometheus-username"),
        (
            SECURE | {"prometheus_token": "t", "prometheus_username": "u", "prometheus_password": "p"},
            "either a name and a password or --prometheus-token",
        ),
        (
            PLAIN | {"prometheus_ca": "c"},
            "--prometheus-ca (TRAFFIC_PROMETHEUS_CA): has no meaning with http://",
        ),
        (
            PLAIN | {"prometheus_certificate": "c", "prometheus_key": "k"},
            "--prometheus-certificate (TRAFFIC_PROMETHEUS_CERTIFICATE): has no meaning with http://",
        ),
        (PLAIN | {"tls_secret": "s"}, "needs --cluster and --service"),
        (PLAIN | {"tls_secret": "s", "cluster": "in-cluster"}, "(TRAFFIC_TLS_SECRET): needs --service"),
        (
            PLAIN
            | {"tls_secret": "s", "cluster": "c", "service": "a.b", "tls_certificate": "c", "tls_key": "k"},
            "either this or --tls-secret",
        ),
        (PLAIN | {"cluster": "c", "tls_certificate": "c"}, "--tls-certificate needs --tls-key"),
        (PLAIN | {"tls_key": "k"}, "--tls-key needs --tls-certificate"),
        (PLAIN | {"tls_certificate": "c", "tls_key": "k"}, "needs --cluster"),
        (
            PLAIN | {"tls_secret": "../s", "cluster": "c", "service": "a.b"},
            "--tls-secret (TRAFFIC_TLS_SECRET)",
        ),
        (PLAIN | {"autoscaling": True, "autoscaling_fallback": "a.b"}, "needs --autoscaling-fallback-ca"),
        (PLAIN | {"autoscaling_fallback_ca": "c"}, "--autoscaling-fallback-ca needs --autoscaling-fallback"),
        (
            PLAIN | {"autoscaling_fallback": "a.b", "autoscaling_fallback_ca": "c"},
            "--autoscaling-fallback (TRAFFIC_AUTOSCALING_FALLBACK): needs --autoscaling",
        ),
        (PLAIN | {"shutdown_delay": -1}, "--shutdown-delay (TRAFFIC_SHUTDOWN_DELAY)"),
    ],
)
def test_what_does_not_go_together_is_one_mistake_that_says_what_to_give(
    given: dict[str, object], why: str
) -> None:
    with pytest.raises(mistakes.BadSettings) as refused:
        settings.load(**given)
    assert why in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_what_does_not_go_together_is_told_beside_other_mistakes() -> None:
    with pytest.raises(mistakes.BadSettings) as refused:
        settings.load(**PLAIN, listen="8443", prometheus_ca="ca", prometheus_key="key", tls_secret="s")
    assert [line.split(" ")[0] for line in str(refused.value).splitlines()] == [
        "--prometheus-ca",
        "--prometheus-key",
        "--listen",
        "--tls-secret",
    ]
