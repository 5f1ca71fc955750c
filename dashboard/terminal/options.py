"""Options that every command of `kubectl traffic` has, as kubectl spells them."""

from collections.abc import Callable
from typing import Any

import click

_CLUSTER = (
    click.option(
        "--kubeconfig", type=click.Path(), help="Kubeconfig; KUBECONFIG or ~/.kube/config if not given."
    ),
    click.option("--context", help="Context in the kubeconfig; its current one if not given."),
)


def of_a_cluster(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which cluster is asked."""
    for option in reversed(_CLUSTER):
        command = option(command)
    return command


def check_place(namespace: str | None, *, all_namespaces: bool) -> None:
    """Refuse one namespace and all of them. Raises click.UsageError."""
    if namespace and all_namespaces:
        raise click.UsageError("--namespace and --all-namespaces exclude each other.")
