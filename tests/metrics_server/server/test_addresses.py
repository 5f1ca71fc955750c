"""The certificate names the address in the kubeconfig, whatever `--listen` is."""

from __future__ import annotations

import asyncio
import socket
import ssl
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
import yaml

from metrics_server.server import access, address, server
from metrics_server.settings import settings


async def greeted(folder: Path, **options: Any) -> str:
    """Serve, connect as the kubeconfig says, and return the host in it."""
    file = folder / "kubeconfig"
    chosen = settings.load(
        prometheus="http://127.0.0.1:1", state=folder / "state", kubeconfig=file, **options
    )
    async with (
        access.granted(chosen) as admits,
        server.api(chosen, admits=admits) as served,
        address.bound(chosen, served, tls=admits.tls) as bound,
    ):
        admits.announce(address.public_url(chosen, bound))
        cluster = yaml.safe_load(file.read_text(encoding="utf-8"))["clusters"][0]["cluster"]
        url = urllib.parse.urlsplit(cluster["server"])
        context = ssl.create_default_context(cafile=folder / "state" / "ca.crt")
        _, writer = await asyncio.open_connection(url.hostname, bound.port, ssl=context)
        writer.close()
    return str(url.hostname)


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        ("127.0.0.1:0", "127.0.0.1"),
        ("127.0.0.2:0", "127.0.0.2"),
        ("0.0.0.0:0", "127.0.0.1"),
        ("localhost:0", "localhost"),
        ("[::1]:0", "::1"),
        ("[::]:0", "::1"),
    ],
)
async def test_the_kubeconfig_has_an_address_that_the_certificate_names(
    tmp_path: Path, listen: str, host: str
) -> None:
    if ":" in host and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    assert await greeted(tmp_path, listen=listen) == host


async def test_a_further_name_is_in_both(tmp_path: Path) -> None:
    host = await greeted(tmp_path, listen="0.0.0.0:0", tls_names="127.0.0.3,traffic.example")
    assert host == "127.0.0.3"


async def test_names_are_added_to_a_certificate_that_exists(tmp_path: Path) -> None:
    assert await greeted(tmp_path, listen="127.0.0.1:0") == "127.0.0.1"
    assert await greeted(tmp_path, listen="0.0.0.0:0", tls_names="127.0.0.4") == "127.0.0.4"


async def test_the_name_of_this_machine_is_in_both(tmp_path: Path) -> None:
    try:
        socket.getaddrinfo(socket.gethostname(), 0)
    except OSError:
        pytest.skip("this machine's name has no address")
    assert await greeted(tmp_path, listen=f"{socket.gethostname()}:0") == socket.gethostname().lower()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True
