"""Who the page is for: whoever reaches it, as one identity, or each viewer as themselves."""

import datetime as dt
import ipaddress
import os
import pathlib

import click

from dashboard.client import incluster

EVERYONE = "--anyone-may-look"


def demand_consistent(
    *, cluster: str | None, kubeconfig: str | None, context: str | None, host: str, open_to_all: bool
) -> None:
    """A usage error for what would contradict itself, or show figures to strangers."""
    if cluster and (kubeconfig or context):
        raise click.UsageError(
            "--cluster takes each viewer's own token; --kubeconfig and --context have no place."
        )
    if not cluster and not open_to_all and not _is_loopback(host):
        raise click.UsageError(
            f"On {host} everyone who reaches it would read with the rights of the kubeconfig's user. "
            f"Listen on 127.0.0.1, let viewers sign in (--cluster=in-cluster), or allow it with {EVERYONE}."
        )


def find(authority: pathlib.Path | None) -> incluster.Cluster:
    return incluster.find(os.environ, authority=authority or incluster.AUTHORITY)


def session(seconds: float) -> dt.timedelta:
    if seconds < 60:
        raise click.UsageError("A --session of less than a minute ends before the page is there.")
    return dt.timedelta(seconds=seconds)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
