"""Options of every command of `kubectl traffic`, with kubectl's names."""

from collections.abc import Callable
from typing import Any

import click

_CLUSTER = (
    click.option(
        "--kubeconfig", type=click.Path(), help="Kubeconfig; KUBECONFIG or ~/.kube/config if not given."
    ),
    click.option("--context", help="Context in the kubeconfig; the current context if not given."),
)


def of_a_cluster(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a cluster."""
    for option in reversed(_CLUSTER):
        command = option(command)
    return command


def check_place(namespace: str | None, *, all_namespaces: bool) -> None:
    """Raise click.UsageError for a namespace together with all namespaces."""
    if namespace and all_namespaces:
        raise click.UsageError("--namespace and --all-namespaces exclude each other. Use one of them.")
