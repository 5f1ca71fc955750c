import pathlib

import pytest

from apiservice import delegation, delegationfiles, trust
from tests.apiservice import pki

CLIENTS = pki.authority("client-ca")
PROXIES = pki.authority("front-proxy-ca")


def test_without_files_nobody_is_believed() -> None:
    assert delegationfiles.DelegationFiles().current() == delegation.NOBODY


def test_each_file_gives_its_part_and_a_change_is_seen(tmp_path: pathlib.Path) -> None:
    clients, proxies = tmp_path / "clients.crt", tmp_path / "proxies.crt"
    clients.write_bytes(CLIENTS.pem)
    proxies.write_bytes(PROXIES.pem)
    only = delegationfiles.DelegationFiles(client_ca=clients).current()
    assert (only.front_proxy, only.authorities) == (None, CLIENTS.der)
    both = delegationfiles.DelegationFiles(
        client_ca=clients, front_proxy_ca=proxies, allowed_names=frozenset({"proxy"}), every=0.0
    )
    assert both.current().authorities == CLIENTS.der + PROXIES.der
    proxies.write_bytes(CLIENTS.pem)
    proxy = both.current().front_proxy
    assert proxy is not None
    assert proxy.authorities.names.startswith("CN=client-ca (")
    assert proxy.allowed_names == {"proxy"}
    proxies.write_text("nonsense")
    assert both.current().authorities == CLIENTS.der * 2


def test_a_file_without_authorities_is_refused_at_first(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ca.crt"
    path.write_text("nonsense")
    with pytest.raises(trust.BadAuthorities):
        delegationfiles.DelegationFiles(front_proxy_ca=path)
