import re

import pytest

from apiservice.authn import delegated_config
from tests.apiservice import cluster


def test_everything_a_cluster_publishes_is_understood() -> None:
    found = delegated_config.parse(cluster.published(requestheader_username_headers='[" X-A ", "X-B"]'))
    key = r"\(key [0-9a-f]{8}\)"
    reply = f"the front proxy is certified by CN=front-proxy-ca {key}, clients by CN=client-ca {key}"
    assert re.fullmatch(reply, str(found))
    assert found.authorities == cluster.CLIENTS.der + cluster.PROXIES.der
    proxy = found.front_proxy
    assert proxy is not None
    assert proxy.allowed_names == {"front-proxy-client"}
    assert proxy.user_headers == ("X-A", "X-B")
    assert proxy.uid_headers == ("X-Remote-Uid",)
    assert proxy.group_headers == ("X-Remote-Group",)
    assert proxy.extra_prefixes == ("X-Remote-Extra-",)


@pytest.mark.parametrize("missing", [None, "", "\n"])
def test_what_is_missing_is_unknown(missing: str | None) -> None:
    only_clients = delegated_config.parse(cluster.published(requestheader_client_ca_file=missing))
    assert only_clients.front_proxy is None
    assert only_clients.authorities == cluster.CLIENTS.der
    only_proxies = delegated_config.parse(cluster.published(client_ca_file=missing))
    assert only_proxies.clients is None
    assert only_proxies.authorities == cluster.PROXIES.der
    proxy = delegated_config.parse(
        cluster.published(requestheader_uid_headers=missing, requestheader_allowed_names=missing)
    ).front_proxy
    assert proxy is not None
    assert (proxy.uid_headers, proxy.allowed_names) == ((), frozenset())


def test_nothing_published_means_nobody_is_believed() -> None:
    assert delegated_config.parse({}) == delegated_config.EMPTY
    assert delegated_config.EMPTY.authorities == b""


def test_unknown_parts_are_taken_from_another() -> None:
    whole, clients = (
        delegated_config.parse(cluster.published()),
        delegated_config.parse({"client-ca-file": cluster.PROXIES.pem.decode()}),
    )
    both = clients.or_else(whole)
    assert both.clients is clients.clients
    assert both.front_proxy is whole.front_proxy
    assert whole.or_else(clients) == whole


@pytest.mark.parametrize("key", ["client-ca-file", "requestheader-client-ca-file"])
def test_an_authority_that_is_none_is_named(key: str) -> None:
    with pytest.raises(delegated_config.BadDelegation, match=f"^{key}: no certificates in PEM"):
        delegated_config.parse({**cluster.published(), key: "nonsense"})


@pytest.mark.parametrize("text", ["X-Remote-User", "{}", '"a"', "[1]", '[""]', '["a", " "]', "[", "null"])
@pytest.mark.parametrize("key", ["requestheader-username-headers", "requestheader-extra-headers-prefix"])
def test_a_list_that_is_none_is_named(key: str, text: str) -> None:
    with pytest.raises(delegated_config.BadDelegation, match=f"^{key}: not "):
        delegated_config.parse({**cluster.published(), key: text})
