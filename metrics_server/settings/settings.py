"""Every knob of the server: environment variables `TRAFFIC_…`, overridden by the options of `serve`.

All mistakes are reported at once, also what does not go together. An empty variable is one that is not
given. Durations are seconds. Secrets are given as files, never as values: a file can be replaced while the
server runs, and is seen neither in the process list nor in a pod's description.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pydantic_settings
import yarl

from apiservice.runtime import files
from metrics_server.settings import formats, memory_budget, messages
from metrics_server.splits import sources

Given = Mapping[str, Any]
"""What is known of the settings before the one that is looked at; without those that are wrong."""


def _needs_https(given: Given) -> str | None:
    if yarl.URL(given.get("prometheus", "")).scheme == "http":
        return "has no meaning with http://; give --prometheus https://…"
    return None


def _excludes_token(given: Given) -> str | None:
    return (
        "give either a name and a password or --prometheus-token" if given.get("prometheus_token") else None
    )


def _needs_cluster(given: Given) -> str | None:
    missing = [option(name) for name in ("cluster", "service") if name in given and not given[name]]
    return f"needs {' and '.join(missing)}" if missing else None


def _excludes_secret(given: Given) -> str | None:
    if given.get("tls_secret"):
        return "give either this or --tls-secret"
    # Alone, a server writes a kubeconfig, and must know whose certificate clients are to trust.
    return "needs --cluster" if "cluster" in given and not given["cluster"] else None


def _needs_autoscaling(given: Given) -> str | None:
    return None if given.get("autoscaling", True) else "needs --autoscaling"


_CONDITIONS = {
    "prometheus_ca": _needs_https,
    "prometheus_certificate": _needs_https,
    "prometheus_username": _excludes_token,
    "tls_secret": _needs_cluster,
    "tls_certificate": _excludes_secret,
    "autoscaling_fallback": _needs_autoscaling,
}
"""What must hold where a setting is given; it can only speak of those that stand before it."""

_PAIRS = {
    "prometheus_key": "prometheus_certificate",
    "prometheus_password": "prometheus_username",
    "tls_key": "tls_certificate",
    "autoscaling_fallback_ca": "autoscaling_fallback",
}
"""Both or neither. The first stands after the second."""

Seconds = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]


class Settings(pydantic_settings.BaseSettings):
    """What a running server needs to know."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_prefix="TRAFFIC_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # What was given may be a secret by mistake.
        hide_input_in_errors=True,
        validate_default=True,
    )

    prometheus: Annotated[str, pydantic.AfterValidator(formats.http_url)]
    """Prometheus, or anything that speaks its query API. No default: a guess would read foreign figures."""

    prometheus_ca: Path | None = None
    """Whom to believe that it is Prometheus, as PEM; without, whom this machine believes."""

    prometheus_certificate: Path | None = None
    """The server's own certificate towards Prometheus, as PEM."""

    prometheus_key: Path | None = None
    """Its key, as PEM, not encrypted."""

    prometheus_token: Path | None = None
    """A file with a bearer token."""

    prometheus_username: Annotated[str, pydantic.Field(pattern=r"^[^:]+$")] | None = None
    """A name for basic authentication."""

    prometheus_password: Path | None = None
    """A file with its password."""

    prometheus_headers: Path | None = None
    """A file with further headers, such as a tenant's, one `Name: value` a line."""

    listen: Annotated[str, pydantic.AfterValidator(formats.address)] = "127.0.0.1:8443"
    """Where the API is served: on loopback, lest what is tried out be on the network by accident."""

    state: Path = Path(".run/server")
    """Where the generated CA, the serving certificate and the token are kept."""

    kubeconfig: Path | None = None
    """Where to write a kubeconfig with the CA and the token; none by default."""

    cluster: str | None = None
    """Whom to ask who may read: `in-cluster`, or a kubeconfig. None: nobody; the server has its own token."""

    service: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")] | None = None
    """The server's Service, `name.namespace`, by which the kube-apiserver knows its certificate."""

    tls_secret: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")] | None = None
    """A Secret in the Service's namespace in which the servers keep and renew the serving certificate."""

    tls_certificate: Path | None = None
    """A serving certificate that somebody else renews; without, the server makes its own."""

    tls_key: Path | None = None
    """Its key."""

    shutdown_delay: Annotated[float, pydantic.Field(ge=0, le=300, allow_inf_nan=False)] = 0.0
    """How long the server, told to stop, goes on serving while load balancers notice that it is not ready."""

    access_log: bool | None = None
    """Log who read what. None: in a cluster, where others may read; not where one administrator does."""

    inventory: Path | None = None
    """Kubernetes objects as `kubectl get -o yaml` prints them; without, the scrape labels tell the owners."""

    splits: Annotated[str, pydantic.AfterValidator(formats.sources)] = ",".join(sorted(sources.DEFAULT))
    """Whose objects tell how traffic is split. Each further source is one more right in the cluster."""

    profile: str = "auto"
    """The meshes, with commas between: `auto` (those of all shipped profiles that are found), shipped
    profiles' names, paths of YAML files, and with a `-` before it what not to read.
    """

    policy: Path | None = None
    """A file that says what an answer of 4xx is, and whose words count, for profiles and namespaces."""

    window: Annotated[float, pydantic.Field(ge=1, le=3600, allow_inf_nan=False)] = 30.0
    """Over how long requests are counted where a request does not say: the specification's 30 s."""

    refresh: Seconds = 5.0
    """How long a snapshot is served: a third of the usual scrape interval, so that it adds little age."""

    stale_after: Seconds = 90.0
    """From this age on figures are refused: an autoscaler obeys them whatever their age."""

    autoscaling: bool = False
    """Serve custom.metrics.k8s.io and external.metrics.k8s.io, too. A cluster has one owner of each, so this
    server is one only where it is told to be.
    """

    autoscaling_fallback: Annotated[str, pydantic.AfterValidator(formats.service)] | None = None
    """The Service of the adapter that answers metrics which are not ours, `name.namespace[:port]`."""

    autoscaling_fallback_ca: Path | None = None
    """Whom to believe that it is this Service, as PEM: the CA that its APIService had."""

    autoscaling_fallback_token: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    """A file with the token that is shown to it. The pod's own by default; of an account that may only read
    metrics it is worth less to whoever takes that adapter over.
    """

    patience: Seconds = 20.0
    """How long a Prometheus that is alive may take to answer. One that does not answer at all is given up
    within 3 s.
    """

    fetches: Annotated[int, pydantic.Field(ge=2, le=100)] = 8
    """How many fetches from Prometheus are under way at once, half of them at most for one user: each is a
    few queries, and holds their answers. The others wait for their turn.
    """

    answer_limit: Annotated[float, pydantic.Field(ge=1, allow_inf_nan=False)] | None = None
    """MiB that Prometheus' answers may take, all at one time. None: half of the memory of the process, from
    160 to 1024.
    """

    @property
    def answer_bytes(self) -> int:
        """How many bytes Prometheus' answers may take."""
        return (
            memory_budget.usual() if self.answer_limit is None else int(self.answer_limit * memory_budget.MIB)
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def split_sources(self) -> frozenset[str]:
        """The sources of splits."""
        return frozenset(() if self.splits == formats.NO_SPLITS else self.splits.split(","))

    @property
    def logs_access(self) -> bool:
        """Whether each request is logged."""
        return self.cluster is not None if self.access_log is None else self.access_log

    @pydantic.field_validator("*")
    @classmethod
    def _agrees(cls, value: object, known: pydantic.ValidationInfo) -> object:
        name = str(known.field_name)
        other = _PAIRS.get(name)
        if other in known.data and (value is None) != (known.data[other] is None):
            missing, there = (name, other) if value is None else (other, name)
            raise ValueError(f"{option(there)} needs {option(missing)}")
        condition = _CONDITIONS.get(name)
        if value is not None and condition is not None and (reason := condition(known.data)):
            raise ValueError(reason)
        return value


class BadSettings(ValueError):
    """Settings that cannot be used; the message names each and its reason."""


def load(**given: Any) -> Settings:
    """Return the settings from the environment and from what is given (None means not given). Raises
    BadSettings.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except pydantic.ValidationError as error:
        lines = [
            mistake(str(fault["loc"][0]) if fault["loc"] else "settings", messages.of(fault))
            for fault in error.errors()
        ]
        raise BadSettings("\n".join(lines)) from error


@contextlib.contextmanager
def about(*names: str, paths: Sequence[Path] = ()) -> Iterator[None]:
    """Make what is wrong with the files of settings mistakes of these, a line each: of the setting whose file
    an error names, else of the first. Raises BadSettings.
    """
    try:
        yield
    except BadSettings:
        raise
    except (OSError, ValueError) as error:
        by_path = dict(zip(paths, names, strict=False))
        name = by_path.get(files.named(error) or Path(), names[0])
        said = [files.explained(error, path=paths[0])] if paths else str(error).splitlines()
        raise BadSettings("\n".join(mistake(name, messages.with_remedy(line)) for line in said)) from error


def mistake(name: str, reason: str) -> str:
    """Return what is wrong with a setting, in the words of all such errors."""
    return f"{option(name)} (TRAFFIC_{name.upper()}): {reason}"


def option(name: str) -> str:
    """Return the option by which a setting is given."""
    return f"--{name.replace('_', '-')}"
