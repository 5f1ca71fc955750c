"""`trafficmetrics-server`: serve the API, or check what it would be made of."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click
import uvloop

from metrics_server import check as checking
from metrics_server import inventory, profile, serving, settings

_PROMETHEUS = click.option("--prometheus", metavar="URL", help="Base URL of Prometheus.")
_PROFILE = click.option(
    "--profile", metavar="NAME|FILE", help="The mesh: a shipped profile or a YAML file [envoy]."
)
_FAILURES = (settings.BadSettings, profile.BadProfile, inventory.BadInventory, OSError, ValueError)


@click.group()
@click.version_option(package_name="trafficmetrics")
def main() -> None:
    """The traffic of any service mesh as one Kubernetes API.

    Every option can also be given as an environment variable TRAFFIC_<OPTION>.
    """


@main.command()
@_PROMETHEUS
@_PROFILE
@click.option("--listen", metavar="HOST:PORT", help="Where to serve [127.0.0.1:8443].")
@click.option(
    "--state", type=click.Path(path_type=Path), help="Directory for the CA, the certificate and the token."
)
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Write a kubeconfig for kubectl here.")
@click.option("--cluster", metavar="in-cluster|KUBECONFIG", help="Let this cluster say who may read.")
@click.option("--service", metavar="NAME.NAMESPACE", help="The server's Service in the cluster.")
@click.option(
    "--inventory",
    type=click.Path(path_type=Path),
    help="Kubernetes objects, as `kubectl get -o yaml` prints.",
)
@click.option("--window", type=float, help="Seconds over which requests are counted by default [30].")
@click.option(
    "--refresh", type=float, help="Seconds a snapshot is served before Prometheus is asked again [5]."
)
@click.option("--stale-after", type=float, help="Seconds after which figures are refused [90].")
@click.option("--patience", type=float, help="Seconds a living Prometheus may take to answer [20].")
@click.option("--verbose", is_flag=True, help="Log every request.")
def serve(*, verbose: bool, **given: object) -> None:
    """Serve the API over TLS: on its own with a token, or as part of a cluster that says who may read."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    logging.getLogger("apiservice.access").setLevel(logging.INFO if verbose else logging.WARNING)
    try:
        uvloop.run(serving.serve(settings.load(**given)))
    except _FAILURES as error:
        raise click.ClickException(str(error)) from error


@main.command()
@_PROMETHEUS
@_PROFILE
@click.option("--window", default="30s", show_default=True, help="The window to try.")
@click.option("--namespace", "-n", help="One namespace instead of all.")
def check(*, prometheus: str | None, profile: str | None, window: str, namespace: str | None) -> None:
    """Ask Prometheus as the server would, and say what comes back and what is wrong."""
    try:
        chosen = settings.load(prometheus=prometheus, profile=profile)
        report = checking.run(
            chosen.prometheus,
            profiles=[serving.choose_profile(profile)] if profile else None,
            window=window,
            namespace=namespace,
        )
    except _FAILURES as error:
        raise click.ClickException(str(error)) from error
    for line in report.lines:
        click.echo(line)
    sys.exit(0 if report.healthy else 1)


if __name__ == "__main__":
    main()
