"""Checks of the options that decide with whose rights the page reads the API."""

import datetime as dt
import ipaddress
import os
import pathlib

import click

from dashboard.client import incluster

ANYONE_OPTION = "--anyone-may-look"


def check_options(
    *, cluster: str | None, kubeconfig: str | None, context: str | None, host: str, open_to_all: bool
) -> None:
    """Raise click.UsageError for options that exclude each other or would publish the traffic."""
    if cluster and (kubeconfig or context):
        raise click.UsageError(
            "With --cluster each viewer's own token is used. Remove --kubeconfig and --context."
        )
    if not cluster and not open_to_all and not _is_loopback(host):
        raise click.UsageError(
            f"Everyone who can reach {host} would read with the rights of the kubeconfig's user. "
            f"Listen on 127.0.0.1, use a login (--cluster=in-cluster), or allow this with {ANYONE_OPTION}."
        )


def find_cluster(authority: pathlib.Path | None) -> incluster.InClusterAddress:
    """The cluster of this pod. Raises `faults.Unconfigured` outside a pod."""
    return incluster.find(os.environ, authority=authority or incluster.AUTHORITY)


def session_length(seconds: float) -> dt.timedelta:
    """The length of a login. Raises click.UsageError below 60 seconds."""
    if seconds < 60:
        raise click.UsageError("--session must be at least 1m.")
    return dt.timedelta(seconds=seconds)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
