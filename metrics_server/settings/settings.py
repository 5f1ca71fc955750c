"""All settings of the server: environment variables `TRAFFIC_…`, overridden by the options of `serve`.

A new setting is one field of `Settings`. Its docstring is the description in `--help` (the first sentence)
and in docs/standalone.md (all of it, as Markdown); `python -m tests.deploy` writes that page.

All mistakes are reported at once, including settings that exclude each other. An empty variable counts as not
given. Durations are in seconds. Secrets are given as files, never as values: a file can be replaced while the
server runs, and appears neither in the process list nor in the description of a pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pydantic_settings
import yarl

from metrics_server.model import label_matchers
from metrics_server.model import window as bounds
from metrics_server.settings import formats, memory_budget, messages, mistakes, setting
from metrics_server.splits import sources

Given = Mapping[str, Any]
"""The valid settings before the one that is checked."""


def _needs_https(given: Given) -> str | None:
    if yarl.URL(given.get("prometheus", "")).scheme == "http":
        return "has no meaning with http://; give --prometheus https://…"
    return None


def _excludes_token(given: Given) -> str | None:
    return (
        "give either a name and a password or --prometheus-token" if given.get("prometheus_token") else None
    )


def _needs_cluster(given: Given) -> str | None:
    missing = [mistakes.option(name) for name in ("cluster", "service") if name in given and not given[name]]
    return f"needs {' and '.join(missing)}" if missing else None


def _excludes_secret(given: Given) -> str | None:
    if given.get("tls_secret"):
        return "give either this or --tls-secret"
    # Without a cluster, the server writes a kubeconfig, for which it has to know the CA of its certificate.
    return "needs --cluster" if "cluster" in given and not given["cluster"] else None


def _excludes_certificate(given: Given) -> str | None:
    if given.get("tls_certificate"):
        return "has no meaning with --tls-certificate; give the names to the program that makes it"
    return None


def _needs_autoscaling(given: Given) -> str | None:
    return None if given.get("autoscaling", True) else "needs --autoscaling"


_CONDITIONS = {
    "prometheus_ca": _needs_https,
    "prometheus_certificate": _needs_https,
    "prometheus_username": _excludes_token,
    "tls_secret": _needs_cluster,
    "tls_certificate": _excludes_secret,
    "tls_names": _excludes_certificate,
    "autoscaling_fallback": _needs_autoscaling,
}
"""Conditions for a setting that is given. A condition sees only the settings that are defined before."""

_PAIRS = {
    "prometheus_key": "prometheus_certificate",
    "prometheus_password": "prometheus_username",
    "tls_key": "tls_certificate",
    "autoscaling_fallback_ca": "autoscaling_fallback",
}
"""Settings that need each other. The first is defined after the second."""

DEFAULT_WINDOW = 30.0
"""Seconds; that of the SMI specification."""
STALE_AFTER = 90.0
"""Seconds; the default limit for the age of figures."""

_Seconds = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
_Mebibytes = Annotated[float, pydantic.Field(ge=1, allow_inf_nan=False)]
_UserName = Annotated[str, pydantic.Field(pattern=r"^[^:]+$")]
_ServiceName = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")]
_SecretName = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]


class Settings(pydantic_settings.BaseSettings):
    """The settings of a server."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_prefix=mistakes.PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # The input may be a secret by mistake.
        hide_input_in_errors=True,
        validate_default=True,
        # The docstring of a field is its description: `options`.
        use_attribute_docstrings=True,
    )

    prometheus: Annotated[
        str, pydantic.AfterValidator(formats.http_url), setting.Setting(metavar="URL", checks=True)
    ]
    """Base URL of Prometheus, or of another server with its query API. It has no default: a guess could read
    the metrics of another system. Parameters after a `?` are sent with each query, such as VictoriaMetrics'
    `?extra_label=cluster=eu`.
    """

    prometheus_selector: Annotated[
        Annotated[str, pydantic.AfterValidator(formats.selector)] | None,
        setting.Setting(metavar="MATCHERS", checks=True),
    ] = None
    """Label matchers that every selector of every query gets, such as `cluster="eu"` where one Prometheus
    holds [several clusters](backends.md#several-clusters-in-one-backend). Several are separated by commas;
    the operators are `=`, `!=`, `=~` and `!~`.
    """

    prometheus_ca: Annotated[Path | None, setting.Setting(read_again=setting.EVERY_QUERY, checks=True)] = None
    """CA bundle (PEM) that verifies Prometheus' certificate. Without it, the CAs of the operating system do.
    """

    prometheus_certificate: Annotated[
        Path | None, setting.Setting(read_again=setting.EVERY_QUERY, checks=True)
    ] = None
    """Client certificate (PEM) for Prometheus. It needs `--prometheus-key`."""

    prometheus_key: Annotated[
        Path | None, setting.Setting(read_again=setting.EVERY_QUERY, secret=True, checks=True)
    ] = None
    """Private key of the client certificate (PEM, not encrypted)."""

    prometheus_token: Annotated[
        Path | None, setting.Setting(read_again=setting.EVERY_QUERY, secret=True, checks=True)
    ] = None
    """File with a bearer token for Prometheus."""

    prometheus_username: Annotated[_UserName | None, setting.Setting(metavar="NAME", checks=True)] = None
    """User name for basic authentication at Prometheus. It needs `--prometheus-password`."""

    prometheus_password: Annotated[
        Path | None, setting.Setting(read_again=setting.EVERY_QUERY, secret=True, checks=True)
    ] = None
    """File with the password for basic authentication at Prometheus."""

    prometheus_headers: Annotated[
        Path | None, setting.Setting(read_again=setting.EVERY_QUERY, secret=True, checks=True)
    ] = None
    """File with further headers for Prometheus, one `Name: value` per line. An example is the header that
    names a tenant. A line that begins with `#` is a comment.
    """

    answer_limit: Annotated[
        _Mebibytes | None,
        setting.Setting(
            default="half of the memory, "
            f"{memory_budget.LEAST // memory_budget.MIB} to {memory_budget.MOST // memory_budget.MIB}",
            checks=True,
        ),
    ] = None
    """MiB of memory for all of Prometheus' answers at one time, unpacked. What exceeds it is refused with
    `503`. The memory is the limit of the control group (that of the pod), or what the machine has. 25,000
    edges with 20 buckets each need 120 MiB.
    """

    profile: Annotated[str, setting.Setting(metavar="NAMES", read_again=setting.AT_START, checks=True)] = (
        "auto"
    )
    """Profiles to read, separated by commas: `auto`, names of shipped profiles, YAML files; `-NAME` excludes
    one. `auto` stands for all [shipped profiles](meshes.md) of which Prometheus has data. Examples:
    `auto,-envoy`, `istio,./toy.yaml`.
    """

    profile_pack: Annotated[
        Path | None, setting.Setting(metavar="DIRECTORY", read_again="within 10 s", checks=True)
    ] = None
    """Directory with [profiles of your own](meshes.md#a-profile-pack), one in each YAML file. `auto` includes
    them, `--profile` knows their names, and they replace shipped profiles of the same names.
    """

    listen: Annotated[str, pydantic.AfterValidator(formats.address), setting.Setting(metavar="HOST:PORT")] = (
        "127.0.0.1:8443"
    )
    """Address and port to serve on. The default is loopback, so that a trial cannot be reached from the
    network.
    """

    state: Annotated[Path, setting.Setting(read_again="the token: within 2 s")] = Path(".run/server")
    """Directory for the generated CA, the serving certificate and the token."""

    kubeconfig: Annotated[Path | None, setting.Setting(read_again="written again with a new token")] = None
    """File into which a kubeconfig with the CA and the token is written."""

    cluster: Annotated[
        str | None, setting.Setting(metavar="in-cluster|KUBECONFIG", read_again=setting.AT_START)
    ] = None
    """Cluster that authenticates and authorizes clients: `in-cluster`, or a kubeconfig. Without it, the
    server has a token of its own; with it, it runs [behind a
    kube-apiserver](#behind-a-kube-apiserver).
    """

    service: Annotated[_ServiceName | None, setting.Setting(metavar="NAME.NAMESPACE")] = None
    """The server's Service in the cluster. The kube-apiserver verifies the serving certificate by this name.
    """

    tls_secret: Annotated[_SecretName | None, setting.Setting(metavar="NAME")] = None
    """Secret in the Service's namespace in which the servers keep and renew the serving certificate. It needs
    `--cluster` and `--service`.
    """

    tls_certificate: Annotated[Path | None, setting.Setting(read_again="within 10 s")] = None
    """Serving certificate (PEM) that another program renews. It needs `--tls-key` and `--cluster`. Without
    it, the server makes its own.
    """

    tls_key: Annotated[Path | None, setting.Setting(read_again="within 10 s", secret=True)] = None
    """Private key of the serving certificate (PEM)."""

    tls_names: Annotated[
        Annotated[str, pydantic.AfterValidator(formats.names)] | None, setting.Setting(metavar="HOST,…")
    ] = None
    """Further host names and addresses in the server's own certificate, separated by commas. It always has
    the host of `--listen`, `localhost` and the loopback addresses. With `--listen` on all addresses
    (`0.0.0.0`, `[::]`) it has the machine's name, too, and the first of the further names is the server in
    the kubeconfig.
    """

    shutdown_delay: Annotated[float, pydantic.Field(ge=0, le=300, allow_inf_nan=False), setting.Setting()] = (
        0.0
    )
    """Seconds to serve on, no longer ready, after a signal to stop. Load balancers notice in this time that
    the server ends.
    """

    access_log: Annotated[bool | None, setting.Setting(default="on with `--cluster`")] = None
    """Log each request with its user. See [the format](#who-read-what)."""

    inventory: Annotated[Path | None, setting.Setting(read_again="within 2 s", checks=True)] = None
    """File with Kubernetes objects, as `kubectl get -o yaml` prints them. Without it, the objects of
    `--cluster` are watched; without both, [labels of the targets](#owners-and-services) name the owners.
    """

    splits: Annotated[str, pydantic.AfterValidator(formats.sources), setting.Setting(metavar="SOURCE,…")] = (
        ",".join(sorted(sources.DEFAULT))
    )
    """APIs whose objects declare [traffic splits](splits.md): `smi`, `gateway`, `linkerd`, `istio`, or
    `none`. `gateway` and `traefik` also show the services behind routes. The objects come from the cluster or
    from the inventory. Each API needs one more permission in the cluster.
    """

    policy: Annotated[Path | None, setting.Setting(read_again=setting.AT_START)] = None
    """YAML file that says [what a 4xx means and which profiles
    count](#what-a-failure-is-and-which-profiles-count).
    """

    window: Annotated[
        float, pydantic.Field(ge=bounds.SHORTEST, le=bounds.LONGEST, allow_inf_nan=False), setting.Setting()
    ] = DEFAULT_WINDOW
    """Seconds over which requests are counted, where a request names no window. The default is that of the
    SMI specification.
    """

    refresh: Annotated[_Seconds, setting.Setting()] = 5.0
    """Seconds for which a snapshot is served before the next one is fetched. The default is a third of the
    usual scrape interval, so that it adds little age.
    """

    stale_after: Annotated[_Seconds, setting.Setting()] = STALE_AFTER
    """Age in seconds from which figures are refused. An autoscaler acts on figures whatever their age."""

    autoscaling: Annotated[bool, setting.Setting()] = False
    """Serve `custom.metrics.k8s.io` and `external.metrics.k8s.io`, too. A cluster has one server of each."""

    autoscaling_fallback: Annotated[
        Annotated[str, pydantic.AfterValidator(formats.service)] | None,
        setting.Setting(metavar="NAME.NAMESPACE[:PORT]"),
    ] = None
    """Service of the fallback adapter, which answers metrics that this server does not serve. It needs
    `--autoscaling` and `--autoscaling-fallback-ca`.
    """

    autoscaling_fallback_ca: Annotated[Path | None, setting.Setting(read_again=setting.EVERY_QUERY)] = None
    """CA bundle (PEM) that verifies the fallback adapter's certificate. Its APIService had it as `caBundle`.
    """

    autoscaling_fallback_token: Annotated[
        Path, setting.Setting(default="the pod's own", read_again=setting.EVERY_QUERY, secret=True)
    ] = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    """File with the bearer token for the fallback adapter. A token that may only read metrics is less useful
    to an attacker who controls that adapter than the pod's own.
    """

    patience: Annotated[_Seconds, setting.Setting()] = 20.0
    """Seconds that Prometheus may take to answer while it is alive. If it does not react at all, or stops in
    the middle of an answer, the request fails within about 3 s.
    """

    fetches: Annotated[int, pydantic.Field(ge=2, le=100), setting.Setting()] = 8
    """Fetches from Prometheus at one time, half of them at most for one user. Each is a few queries whose
    answers are held in memory. The others [wait for their turn](api.md#parameters).
    """

    @property
    def matchers(self) -> tuple[label_matchers.Matcher, ...]:
        """Return the matchers that every selector gets."""
        return label_matchers.parse(self.prometheus_selector) if self.prometheus_selector else ()

    @property
    def answer_bytes(self) -> int:
        """Return the limit for all of Prometheus' answers together, in bytes."""
        return (
            memory_budget.usual() if self.answer_limit is None else int(self.answer_limit * memory_budget.MIB)
        )

    @property
    def address(self) -> tuple[str, int]:
        """Return the host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def further_names(self) -> tuple[str, ...]:
        """Return the further names in the server's own certificate."""
        return tuple(self.tls_names.split(",")) if self.tls_names else ()

    @property
    def split_sources(self) -> frozenset[str]:
        """Return the sources of splits."""
        return frozenset(() if self.splits == formats.NO_SPLITS else self.splits.split(","))

    @property
    def logs_access(self) -> bool:
        """Return whether each request is logged."""
        return self.cluster is not None if self.access_log is None else self.access_log

    @pydantic.field_validator("*")
    @classmethod
    def _agrees(cls, value: object, known: pydantic.ValidationInfo) -> object:
        name = str(known.field_name)
        other = _PAIRS.get(name)
        if other in known.data and (value is None) != (known.data[other] is None):
            missing, there = (name, other) if value is None else (other, name)
            raise ValueError(f"{mistakes.option(there)} needs {mistakes.option(missing)}")
        condition = _CONDITIONS.get(name)
        if value is not None and condition is not None and (reason := condition(known.data)):
            raise ValueError(reason)
        return value


def load(**given: Any) -> Settings:
    """Return the settings from `given`, where None means not given, and else from the environment. Raises
    mistakes.BadSettings.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except pydantic.ValidationError as error:
        lines = [
            mistakes.mistake(str(fault["loc"][0]) if fault["loc"] else "settings", messages.of(fault))
            for fault in error.errors()
        ]
        raise mistakes.BadSettings("\n".join(lines)) from error
