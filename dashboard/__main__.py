"""`trafficmetrics-dashboard`: the service graph on a local address."""

import logging

import click

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


@click.command(context_settings={"auto_envvar_prefix": "TRAFFIC_DASHBOARD"})
@click.option(
    "--kubeconfig", type=click.Path(), help="Kubeconfig of the API; KUBECONFIG or ~/.kube/config else."
)
@click.option("--context", help="Context in the kubeconfig; its current one if not given.")
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
    kubeconfig: str | None,
    context: str | None,
    listen: tuple[str, int],
    healthy: float,
    failing: float,
    handful: float,
    slow: float,
) -> None:
    """Show the traffic of a service mesh as a live graph.

    The API is asked with the rights of the kubeconfig's user, and so is everyone who can open the page: serve
    it on an address that only its viewers reach.
    """
    # Only now, so that --help and mistakes answer at once: Dash takes more than a second to load.
    import waitress

    from dashboard.web import app, feed

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        thresholds = verdict.Thresholds(
            healthy=healthy / 100, failing=failing / 100, handful=handful, slow=slow
        )
        source = feed.Feed(api.connect(kubeconfig, context=context))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except faults.Fault as fault:
        raise click.ClickException(str(fault)) from fault
    host, port = listen
    application = app.build(source, thresholds=thresholds, host=host)
    server = waitress.create_server(application, host=host, port=port, threads=8, ident=None)
    click.echo(f"TrafficMetrics dashboard on http://{host}:{server.effective_port}/")
    try:
        server.run()
    finally:
        source.close()


if __name__ == "__main__":
    main()
