"""`trafficmetrics-dashboard`: the service graph, on a local address or inside a cluster."""

if __name__ == "__main__":
    # Before the imports below, which take about a second.
    from dashboard import signals

    signals.end_by_signals()

import contextlib
import logging
import pathlib
import signal
import sys

import click

from dashboard import access, escaping
from dashboard.client import api, duration, faults
from dashboard.health import verdict


class _Address(click.ParamType[tuple[str, int]]):
    name = "host:port"

    def convert(
        self, value: str | tuple[str, int], param: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            self.fail(f"{value!r} is not an address such as 127.0.0.1:8050", param, context)
        return host.strip("[]"), int(port)


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(
        self, value: str | float, param: click.Parameter | None, context: click.Context | None
    ) -> float:
        try:
            return value if isinstance(value, float) else duration.parse(value)
        except ValueError as error:
            self.fail(str(error), param, context)


_FILE = click.Path(path_type=pathlib.Path, dir_okay=False)


@click.command(context_settings={"auto_envvar_prefix": "TRAFFIC_DASHBOARD"})
@click.option(
    "--cluster",
    type=click.Choice(["in-cluster"]),
    help="Run in a pod and read that cluster's API. Each viewer signs in with a token.",
)
@click.option(
    "--authority",
    type=_FILE,
    help="With --cluster: CA bundle that verifies the API server; the pod's ca.crt if not given.",
)
@click.option(
    "--cookie-key",
    type=_FILE,
    help="File with the keys that encrypt session cookies, the same for all replicas.",
)
@click.option("--session", type=_Duration(), default="8h", show_default=True, help="How long a login lasts.")
@click.option(
    access.ANYONE_OPTION,
    "open_to_all",
    is_flag=True,
    help="With --kubeconfig: allow --listen on an address other than loopback, without a login.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(),
    help="Kubeconfig of the API; KUBECONFIG or ~/.kube/config if not given.",
)
@click.option("--context", help="Context in the kubeconfig; its current one if not given.")
@click.option(
    "--trusted-proxies",
    type=click.IntRange(0, 10),
    default=0,
    show_default=True,
    help="With --cluster: how many proxies in front append to X-Forwarded-For; other entries are ignored.",
)
@click.option(
    "--listen",
    type=_Address(),
    default="127.0.0.1:8050",
    show_default=True,
    help="Address and port to listen on.",
)
@click.option(
    "--healthy",
    type=float,
    default=99,
    show_default=True,
    help="From this success rate in percent, traffic is healthy.",
)
@click.option(
    "--failing",
    type=float,
    default=95,
    show_default=True,
    help="Below this success rate in percent, traffic is failing.",
)
@click.option(
    "--handful", type=float, default=10, show_default=True, help="Traffic of fewer requests is never failing."
)
@click.option(
    "--slow",
    type=_Duration(),
    default="1s",
    show_default=True,
    help="Traffic with a P99 latency above this is slow.",
)
def main(
    cluster: str | None,
    authority: pathlib.Path | None,
    cookie_key: pathlib.Path | None,
    session: float,
    open_to_all: bool,
    kubeconfig: str | None,
    context: str | None,
    trusted_proxies: int,
    listen: tuple[str, int],
    healthy: float,
    failing: float,
    handful: float,
    slow: float,
) -> None:
    """Show the traffic of a service mesh as a live graph.

    With --kubeconfig everyone who can open the page sees what the kubeconfig's user may read. With
    --cluster=in-cluster each viewer signs in and sees what they may read.
    """
    host, port = listen
    access.check_options(
        cluster=cluster, kubeconfig=kubeconfig, context=context, host=host, open_to_all=open_to_all
    )
    # Imported late, so that --help and usage errors are fast: Dash takes more than a second to load.
    from dashboard.web import http_server, sites

    escaping.configure_logging(logging.INFO)
    with contextlib.ExitStack() as resources:
        try:
            thresholds = verdict.Thresholds(
                healthy=healthy / 100, failing=failing / 100, handful=handful, slow=slow
            )
            if cluster:
                cluster_address, length = access.find_cluster(authority), access.session_length(session)
                site = sites.with_login(
                    cluster_address,
                    thresholds=thresholds,
                    host=host,
                    key=cookie_key,
                    length=length,
                    proxies=trusted_proxies,
                )
            else:
                shared_api = api.connect(kubeconfig, context=context)
                site = sites.shared(shared_api, thresholds=thresholds, host=host)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        except faults.Fault as fault:
            raise click.ClickException(str(fault)) from fault
        resources.callback(site.close)
        try:
            server = http_server.server(site, host=host, port=port)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise click.ClickException(
                f"Cannot listen on {host}:{port} (--listen): {reason}. Give another address or port."
            ) from error
        click.echo(f"TrafficMetrics dashboard on http://{host}:{server.effective_port}/")
        # PID 1 of a container ignores SIGTERM unless it has a handler.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: sys.exit(0))
        server.run()


if __name__ == "__main__":
    main()
