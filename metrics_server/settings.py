"""Every knob of the server: environment variables `TRAFFIC_…`, overridden by the options of `serve`.

All mistakes are reported at once. Durations are seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pydantic
import pydantic_settings
import yarl


def _http_url(text: str) -> str:
    url = yarl.URL(text)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("give the base of the query API, such as http://prometheus.monitoring:9090")
    return text


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("give an address and a port, such as 127.0.0.1:8443")
    return text


Seconds = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]


class Settings(pydantic_settings.BaseSettings):
    """What a running server needs to know."""

    model_config = pydantic_settings.SettingsConfigDict(env_prefix="TRAFFIC_", frozen=True, extra="ignore")

    prometheus: Annotated[str, pydantic.AfterValidator(_http_url)]
    """Prometheus, or anything that speaks its query API. No default: a guess would read foreign figures."""

    listen: Annotated[str, pydantic.AfterValidator(_address)] = "127.0.0.1:8443"
    """Where the API is served: on loopback, lest what is tried out be on the network by accident."""

    state: Path = Path(".run/server")
    """Where the generated CA, the serving certificate and the token are kept."""

    kubeconfig: Path | None = None
    """Where to write a kubeconfig with the CA and the token; none by default."""

    cluster: str | None = None
    """Whom to ask who may read: `in-cluster`, or a kubeconfig. None: nobody; the server has its own token."""

    service: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")] | None = None
    """The server's Service, `name.namespace`, by which the kube-apiserver knows its certificate."""

    inventory: Path | None = None
    """Kubernetes objects as `kubectl get -o yaml` prints them; without, the scrape labels tell the owners."""

    profile: str = "envoy"
    """The mesh: a shipped profile's name, or the path of a YAML file."""

    window: Annotated[float, pydantic.Field(ge=1, le=3600, allow_inf_nan=False)] = 30.0
    """Over how long requests are counted where a request does not say: the specification's 30 s."""

    refresh: Seconds = 5.0
    """How long a snapshot is served: a third of the usual scrape interval, so that it adds little age."""

    stale_after: Seconds = 90.0
    """From this age on figures are refused: an autoscaler obeys them whatever their age."""

    patience: Seconds = 20.0
    """How long a Prometheus that is alive may take to answer. One that does not answer at all is given up
    within 3 s.
    """

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class BadSettings(ValueError):
    """Settings that cannot be used; the message names each and its reason."""


def load(**given: Any) -> Settings:
    """Return the settings from the environment and from what is given (None means not given). Raises
    BadSettings.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except pydantic.ValidationError as error:
        lines = []
        for fault in error.errors():
            name = str(fault["loc"][0]) if fault["loc"] else "settings"
            reason = (
                "is required" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
            )
            lines.append(f"--{name.replace('_', '-')} (TRAFFIC_{name.upper()}): {reason}")
        raise BadSettings("\n".join(lines)) from error
