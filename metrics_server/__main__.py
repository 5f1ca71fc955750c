"""The command line `trafficmetrics-server`: `serve` the API, or `check` what Prometheus has for it."""

from __future__ import annotations

if __name__ == "__main__":
    # Before the imports below, which take a second.
    from metrics_server.server import signals

    signals.end_by_signals()

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import uvloop

from metrics_server.check import examination
from metrics_server.dumps import commands
from metrics_server.model import quantity
from metrics_server.server import inventory_source, server, setting_files, start_warnings
from metrics_server.settings import memory_budget, mistakes, options, settings
from metrics_server.upstream import credential_files

_FILE = click.Path(path_type=Path)
_WINDOW = quantity.render_duration(settings.DEFAULT_WINDOW)


def _settings(chosen: Iterable[options.Option]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what adds an option for each of these settings to a command."""

    def added(command: Callable[..., None]) -> Callable[..., None]:
        for one in reversed(tuple(chosen)):
            command = click.option(
                "/".join(one.names),
                type=_FILE if one.type is Path else one.type,
                # None is a setting that was not given: its variable or its default holds.
                default=None,
                metavar=one.about.metavar,
                help=one.help,
            )(command)
        return command

    return added


@contextlib.contextmanager
def _as_message() -> Iterator[None]:
    """End the program with exit code 1, and print the reason: one line for each mistake."""
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
@_settings(options.every())
def serve(**given: object) -> None:
    """Serve the API over TLS: alone, with a token of its own, or behind a kube-apiserver that decides who may
    read.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    with _as_message():
        chosen = settings.load(**given)
        logging.getLogger("apiservice.access").setLevel(
            logging.INFO if chosen.logs_access else logging.WARNING
        )
        for warning in start_warnings.warnings(chosen, os.environ):
            logging.getLogger("metrics_server").warning("%s", warning)
        try:
            uvloop.run(server.serve(chosen))
        except mistakes.BadSettings as error:
            raise setting_files.all_mistakes(chosen, first=error) from error


@main.command()
@_settings(one for one in options.every() if one.about.checks)
@click.option("--window", default=_WINDOW, show_default=True, help="Window of the queries.")
@click.option("--namespace", "-n", help="Namespace to read; without it, all are read.")
@click.option(
    "--learn", is_flag=True, help="Propose a profile for metrics that none reads, and print it on stdout."
)
@click.option("--metric", metavar="NAME", help="With --learn: the counter of requests that it has to read.")
def check(
    *,
    profile: str | None,
    window: str,
    namespace: str | None,
    learn: bool,
    metric: str | None,
    **given: Any,
) -> None:
    """Run the server's queries against Prometheus, and report what it finds and what is wrong.

    With --learn the report goes to stderr, so that `check --learn > mesh.yaml` writes a profile.
    """
    if metric is not None and not learn:
        raise click.UsageError("--metric needs --learn")
    with _as_message():
        chosen = settings.load(profile=profile, **given)
        try:
            with mistakes.about("window"):
                quantity.duration(window)
            read, shown = setting_files.profiles(chosen), credential_files.current(chosen)()
            path = chosen.inventory
            known = inventory_source.of_file(chosen, path).latest if path is not None else None
        except mistakes.BadSettings as error:
            raise setting_files.all_mistakes(chosen, first=error) from error
        report = examination.run(
            chosen.prometheus,
            profiles=read,
            window=window,
            namespace=namespace,
            shown=shown,
            allowed=memory_budget.MemoryBudget(chosen.answer_bytes),
            always=chosen.matchers,
            inventory=known,
            stale_after=chosen.stale_after,
            learns=learn,
            metric=metric,
        )
    for line in report.lines:
        click.echo(line, err=learn)
    if report.proposed is not None:
        click.echo(report.proposed, nl=False)
    sys.exit(0 if report.healthy else 1)


main.add_command(commands.try_profile)
main.add_command(commands.anonymize)

if __name__ == "__main__":
    main()
