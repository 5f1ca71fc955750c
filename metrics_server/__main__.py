"""`trafficmetrics-server`: serve the API, or check what it would be made of."""

from __future__ import annotations

if __name__ == "__main__":
    # Before the imports below: they take a second.
    from metrics_server.server import signals

    signals.end_by_signals()

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import uvloop

from metrics_server import check as checking
from metrics_server.model import quantity
from metrics_server.server import server, setting_files, start_warnings
from metrics_server.settings import memory_budget, settings
from metrics_server.upstream import credential_files

_FILE = click.Path(path_type=Path)
_PROMETHEUS = (
    click.option("--prometheus", metavar="URL", help="Base URL of Prometheus."),
    click.option("--prometheus-ca", type=_FILE, help="Believe who is certified by this CA (PEM)."),
    click.option("--prometheus-certificate", type=_FILE, help="Client certificate (PEM)."),
    click.option("--prometheus-key", type=_FILE, help="Its key (PEM)."),
    click.option("--prometheus-token", type=_FILE, help="File with a bearer token."),
    click.option("--prometheus-username", metavar="NAME", help="Name for basic authentication."),
    click.option("--prometheus-password", type=_FILE, help="File with its password."),
    click.option("--prometheus-headers", type=_FILE, help="File with further headers: `Name: value` lines."),
    click.option("--answer-limit", type=float, help="MiB that its answers may take [half of the memory]."),
)
_PROFILE = click.option(
    "--profile",
    metavar="NAMES",
    help="The meshes: `auto`, shipped profiles, YAML files, -NAME to leave one out; with commas [auto].",
)


def _prometheus(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where Prometheus is and who asks it."""
    for option in reversed(_PROMETHEUS):
        command = option(command)
    return command


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """End the program with exit code 1 and the reason, a line for each mistake."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


@click.group()
@click.version_option(package_name="trafficmetrics")
def main() -> None:
    """The traffic of any service mesh as one Kubernetes API.

    Every option can also be given as an environment variable TRAFFIC_<OPTION>.
    """


@main.command()
@_prometheus
@_PROFILE
@click.option("--listen", metavar="HOST:PORT", help="Where to serve [127.0.0.1:8443].")
@click.option("--state", type=_FILE, help="Directory for the CA, the certificate and the token.")
@click.option("--kubeconfig", type=_FILE, help="Write a kubeconfig for kubectl here.")
@click.option("--cluster", metavar="in-cluster|KUBECONFIG", help="Let this cluster say who may read.")
@click.option("--service", metavar="NAME.NAMESPACE", help="The server's Service in the cluster.")
@click.option("--tls-secret", metavar="NAME", help="The Secret beside the Service with its certificate.")
@click.option("--tls-certificate", type=_FILE, help="Serving certificate (PEM) that somebody else renews.")
@click.option("--tls-key", type=_FILE, help="Its key (PEM).")
@click.option("--shutdown-delay", type=float, help="Seconds to serve on, not ready, when told to stop [0].")
@click.option("--access-log/--no-access-log", default=None, help="Log who read what [with --cluster only].")
@click.option("--inventory", type=_FILE, help="Kubernetes objects, as `kubectl get -o yaml` prints.")
@click.option(
    "--splits", metavar="SOURCE,…", help="Who splits traffic: smi, gateway, linkerd, istio; none [smi]."
)
@click.option("--policy", type=_FILE, help="What 4xx is, and which profiles count, where (YAML).")
@click.option("--window", type=float, help="Seconds over which requests are counted by default [30].")
@click.option(
    "--refresh", type=float, help="Seconds a snapshot is served before Prometheus is asked again [5]."
)
@click.option("--stale-after", type=float, help="Seconds after which figures are refused [90].")
@click.option("--autoscaling/--no-autoscaling", default=None, help="Serve autoscalers' APIs, too [no].")
@click.option(
    "--autoscaling-fallback", metavar="NAME.NAMESPACE[:PORT]", help="Ask this Service for other metrics."
)
@click.option("--autoscaling-fallback-ca", type=_FILE, help="Believe who is certified by this CA (PEM).")
@click.option("--autoscaling-fallback-token", type=_FILE, help="File with the token to show [the pod's].")
@click.option("--patience", type=float, help="Seconds a living Prometheus may take to answer [20].")
@click.option("--fetches", type=int, help="Fetches from Prometheus at once, half of them for one user [8].")
def serve(**given: object) -> None:
    """Serve the API over TLS: on its own with a token, or as part of a cluster that says who may read."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    with _in_words():
        chosen = settings.load(**given)
        logging.getLogger("apiservice.access").setLevel(
            logging.INFO if chosen.logs_access else logging.WARNING
        )
        for warning in start_warnings.warnings(chosen, os.environ):
            logging.getLogger("metrics_server").warning("%s", warning)
        try:
            uvloop.run(server.serve(chosen))
        except settings.BadSettings as error:
            raise setting_files.mistakes(chosen, first=error) from error


@main.command()
@_prometheus
@_PROFILE
@click.option("--window", default="30s", show_default=True, help="The window to try.")
@click.option("--namespace", "-n", help="One namespace instead of all.")
def check(*, profile: str | None, window: str, namespace: str | None, **given: Any) -> None:
    """Ask Prometheus as the server would, and say what comes back and what is wrong."""
    with _in_words():
        chosen = settings.load(profile=profile, **given)
        try:
            with settings.about("window"):
                quantity.duration(window)
            read, shown = setting_files.profiles(chosen), credential_files.current(chosen)()
        except settings.BadSettings as error:
            raise setting_files.mistakes(chosen, first=error) from error
        report = checking.run(
            chosen.prometheus,
            profiles=read,
            window=window,
            namespace=namespace,
            shown=shown,
            allowed=memory_budget.Allowance(chosen.answer_bytes),
        )
    for line in report.lines:
        click.echo(line)
    sys.exit(0 if report.healthy else 1)


if __name__ == "__main__":
    main()
