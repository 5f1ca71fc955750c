"""`kubectl traffic top`: success rate, request rate and latency of resources."""

import contextlib
import signal
import time
from collections.abc import Callable, Sequence

import click

from dashboard.client import api, duration, faults, kinds, traffic
from dashboard.terminal import options, screen, table

_WATCH_EVERY_S = 5

# Worst first, unknown last.
_ORDERS: dict[str, Callable[[traffic.Traffic], tuple[bool, float]]] = {
    "success": lambda item: (table.success(item) is None, table.success(item) or 0.0),
    "rps": lambda item: (table.rate(item) is None, -(table.rate(item) or 0.0)),
    "p99": lambda item: (item.p99 is None, -(item.p99 or 0.0)),
}


class _Kind(click.ParamType[kinds.ResourceKind]):
    name = "kind"

    def convert(
        self, value: str | kinds.ResourceKind, param: click.Parameter | None, context: click.Context | None
    ) -> kinds.ResourceKind:
        row = kinds.find(value) if isinstance(value, str) else value
        if row is None:
            known = ", ".join(row.plural for row in kinds.ROWS)
            self.fail(f"there is no traffic of {value!r}; choose one of {known}", param, context)
        return row


class _Window(click.ParamType[str]):
    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> str:
        try:
            duration.parse(value)
        except ValueError as error:
            self.fail(str(error), param, context)
        return value


@click.command()
@click.argument("kind", type=_Kind(), default=kinds.WORKLOADS)
@click.option("-n", "--namespace", help="Namespace to show; the context's namespace if not given.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Show all namespaces.")
@click.option("-l", "--selector", "labels", help="Only resources whose labels match, such as app=cart.")
@click.option(
    "--window", type=_Window(), default="1m", show_default=True, help="Time over which requests are counted."
)
@click.option("--sort-by", type=click.Choice(list(_ORDERS)), help="Sort by this figure, worst first.")
@click.option("-w", "--watch", is_flag=True, help=f"Update every {_WATCH_EVERY_S} seconds.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "wide", "json", "csv"]),
    default="table",
    show_default=True,
    help="Output format.",
)
@options.of_a_cluster
def top(
    kind: kinds.ResourceKind,
    namespace: str | None,
    all_namespaces: bool,
    labels: str | None,
    window: str,
    sort_by: str | None,
    watch: bool,
    output: str,
    kubeconfig: str | None,
    context: str | None,
) -> None:
    """Show success rate, requests per second and latency.

    KIND is pods, services, deployments (or deploy), statefulsets, daemonsets, jobs, replicasets, namespaces
    or nodes. Without KIND every workload is shown.

    \b
      kubectl traffic top -A --sort-by success
      kubectl traffic top deploy -n shop -l app=cart -o wide
    """
    options.check_place(namespace, all_namespaces=all_namespaces)
    if watch:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with contextlib.closing(api.connect(kubeconfig, context=context)) as source:
            place = None if all_namespaces else namespace or source.context.namespace
            while True:
                items = source.metrics(kind, namespace=place, window=window, labels=labels)
                if sort_by:
                    items = tuple(sorted(items, key=_ORDERS[sort_by]))
                _show(items, kind=kind, place=place, output=output, redraw=watch)
                if not watch:
                    return
                time.sleep(_WATCH_EVERY_S)
    except KeyboardInterrupt:
        return  # the usual end of --watch
    except faults.Fault as fault:
        raise screen.Failure(fault) from fault


def _show(
    items: Sequence[traffic.Traffic],
    *,
    kind: kinds.ResourceKind,
    place: str | None,
    output: str,
    redraw: bool,
) -> None:
    shown = table.columns(
        wide=output != "table",
        namespaces=output in ("json", "csv") or (place is None and kind.namespaced),
        mixed=kind is kinds.WORKLOADS,
    )
    if redraw:
        screen.clear()
    if output == "json":
        screen.write_document(table.as_json(items, shown))
    elif output == "csv":
        screen.write_document(table.as_csv(items, shown))
    elif items:
        screen.write(table.lines(items, shown))
    else:
        where = f"in {place} namespace" if place and kind.namespaced else "in any namespace"
        screen.write_remark(f"No traffic found {where}.")
