"""`trafficmetrics-dashboard`: the service graph, on a local address or inside a cluster."""

if __name__ == "__main__":
    # Before the imports below: they take a while.
    from dashboard import signals

    signals.end_by_signals()

import contextlib
import logging
import pathlib
import signal
import sys

import click

from dashboard import audience, outside
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
    help="Run in a pod: the API is the cluster's own, and each viewer signs in with a token.",
)
@click.option(
    "--authority", type=_FILE, help="Who vouches for the cluster's API, if not what a pod is given."
)
@click.option("--cookie-key", type=_FILE, help="Key of the viewers' sessions, the same for all replicas.")
@click.option("--session", type=_Duration(), default="8h", show_default=True, help="How long a login lasts.")
@click.option(
    audience.EVERYONE,
    "open_to_all",
    is_flag=True,
    help="With --kubeconfig: listen beyond loopback, although nobody has to sign in.",
)
@click.option(
    "--kubeconfig", type=click.Path(), help="Kubeconfig of the API; KUBECONFIG or ~/.kube/config else."
)
@click.option("--context", help="Context in the kubeconfig; its current one if not given.")
@click.option(
    "--trusted-proxies",
    type=click.IntRange(0, 10),
    default=0,
    show_default=True,
    help="With --cluster: how many proxies in front write X-Forwarded-For; more in it is not believed.",
)
@click.option(
    "--listen", type=_Address(), default="127.0.0.1:8050", show_default=True, help="Where to serve."
)
@click.option(
    "--healthy", type=float, default=99, show_default=True, help="Per cent success that is healthy."
)
@click.option("--failing", type=float, default=95, show_default=True, help="Below this, traffic is failing.")
@click.option(
    "--handful", type=float, default=10, show_default=True, help="Fewer requests never count as failing."
)
@click.option("--slow", type=_Duration(), default="1s", show_default=True, help="A P99 above this is slow.")
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

    With --kubeconfig the API is asked with the rights of its user, for everyone who can open the page. With
    --cluster=in-cluster each viewer signs in, and sees what the API shows them.
    """
    host, port = listen
    audience.demand_consistent(
        cluster=cluster, kubeconfig=kubeconfig, context=context, host=host, open_to_all=open_to_all
    )
    # Only now, so that --help and mistakes answer at once: Dash takes more than a second to load.
    from dashboard.web import listening, serving

    outside.log_plainly(logging.INFO)
    with contextlib.ExitStack() as open_things:
        try:
            judging = verdict.Thresholds(
                healthy=healthy / 100, failing=failing / 100, handful=handful, slow=slow
            )
            if cluster:
                found, length = audience.find(authority), audience.session(session)
                site = serving.to_each(
                    found,
                    thresholds=judging,
                    host=host,
                    key=cookie_key,
                    length=length,
                    proxies=trusted_proxies,
                )
            else:
                api_of_one = api.connect(kubeconfig, context=context)
                site = serving.to_everyone(api_of_one, thresholds=judging, host=host)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        except faults.Fault as fault:
            raise click.ClickException(str(fault)) from fault
        open_things.callback(site.close)
        try:
            server = listening.server(site, host=host, port=port)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise click.ClickException(
                f"Cannot listen on {host}:{port} (--listen): {why}. Give another address or port."
            ) from error
        click.echo(f"TrafficMetrics dashboard on http://{host}:{server.effective_port}/")
        # The first process of a container ignores SIGTERM unless it says what to do.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: sys.exit(0))
        server.run()


if __name__ == "__main__":
    main()
