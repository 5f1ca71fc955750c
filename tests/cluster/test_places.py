"""The addresses of a cluster follow from its name."""

import ipaddress

import pytest

from demo import faults
from tests.cluster import places


def test_a_cluster_without_nodes_lives_on_loopback_with_its_services() -> None:
    place = places.place("tm", nodes=False)

    assert place.services.is_loopback
    for address in (place.address, place.host):
        assert ipaddress.ip_address(address) in place.services


def test_a_cluster_with_nodes_shares_a_private_link_with_the_host() -> None:
    place = places.place("tm", nodes=True)

    assert {place.address, place.host} == {str(address) for address in place.link.hosts()}
    assert place.link.is_private
    assert not any(place.link.overlaps(other) for other in (place.services, places.PODS))


@pytest.mark.parametrize("nodes", [True, False])
def test_clusters_of_different_names_are_apart(nodes: bool) -> None:
    one, other = (places.place(name, nodes=nodes) for name in ("tm", "other"))

    assert one.address != other.address
    assert one.namespace != other.namespace
    assert one.cgroup != other.cgroup
    assert one.link_outside != other.link_outside


def test_the_longest_name_still_names_network_interfaces() -> None:
    place = places.place("a" * 10, nodes=True)

    assert max(len(place.link_outside), len(place.link_inside)) <= 15


@pytest.mark.parametrize("nodes", [True, False])
def test_addresses_are_seldom_those_of_another_name(nodes: bool) -> None:
    addresses = {places.place(f"t{number}", nodes=nodes).address for number in range(500)}

    assert len(addresses) > 480


@pytest.mark.parametrize("name", ["", "t", "Tm", "1tm", "tm-", "a b", "../tm", "a" * 11])
def test_a_name_that_could_not_name_everything_is_refused(name: str) -> None:
    with pytest.raises(faults.DemoError, match="cannot name a cluster"):
        places.place(name, nodes=True)
