"""`kubectl traffic hpa`: the metrics of a HorizontalPodAutoscaler, their values, and what is wrong."""

import concurrent.futures
import contextlib
import sys
from collections.abc import Sequence

import click

from dashboard.client import cluster, faults
from dashboard.scaling import examination, report
from dashboard.terminal import hpa_records, hpa_text, options, screen

_AT_ONCE = 8  # HPAs; few enough for the rate limits of a kube-apiserver


@click.command()
@click.argument("name", required=False)
@click.option("-n", "--namespace", help="Namespace of the HPA; the context's namespace if not given.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Show the HPAs of all namespaces.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
@options.of_a_cluster
def hpa(
    name: str | None,
    namespace: str | None,
    all_namespaces: bool,
    output: str,
    kubeconfig: str | None,
    context: str | None,
) -> None:
    """Show the metrics of a HorizontalPodAutoscaler, their values and what is wrong.

    It sends the same requests as the HPA controller and computes the replicas in the same way. Without NAME
    it shows all HPAs of the namespace. The exit code is 1 if something is wrong.

    \b
      kubectl traffic hpa checkout -n shop
      kubectl traffic hpa -A
    """
    options.check_place(namespace, all_namespaces=all_namespaces)
    if name and all_namespaces:
        raise click.UsageError("NAME and --all-namespaces exclude each other.")
    try:
        with contextlib.closing(cluster.connect(kubeconfig, context=context)) as source:
            place = None if all_namespaces else namespace or source.context.namespace
            reports = _reports(source, place=place, name=name)
    except faults.Fault as fault:
        raise screen.Failure(fault) from fault
    if output == "json":
        screen.write_document(hpa_records.as_json(reports))
    elif name:
        screen.write(hpa_text.full(reports[0]))
    elif reports:
        screen.write(hpa_text.overview(reports, namespaces=place is None))
    else:
        where = f"in {place} namespace" if place else "in any namespace"
        screen.write_remark(f"No HorizontalPodAutoscalers found {where}.")
    if any(one.wrong for one in reports):
        sys.exit(1)


def _reports(
    source: cluster.ClusterReader, *, place: str | None, name: str | None
) -> Sequence[report.HpaReport]:
    found = [source.hpa(place, name)] if name and place else source.hpas(namespace=place)
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(examination.Examiner(source).examine, found))
