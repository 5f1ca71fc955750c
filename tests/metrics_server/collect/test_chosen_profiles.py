"""Which profiles are read, and what a policy may decide about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics_server.profiles import loading, policy, registry


def test_a_profile_is_chosen_by_name_or_file(tmp_path: Path) -> None:
    assert [mesh.name for mesh in registry.choose("envoy")] == ["envoy"]
    with pytest.raises(loading.BadProfile, match=r"no profile is called 'evnoy'; known are .*envoy"):
        registry.choose("evnoy")
    with pytest.raises(loading.BadProfile, match="cannot be read"):
        registry.choose(str(tmp_path / "absent.yaml"))


def test_all_shipped_profiles_are_looked_for_but_those_that_are_left_out() -> None:
    every = {mesh.name for mesh in loading.shipped() if mesh.auto}
    assert {mesh.name for mesh in registry.choose("auto")} == every
    assert {mesh.name for mesh in registry.choose("auto,envoy-endpoints")} == every | {"envoy-endpoints"}
    assert {mesh.name for mesh in registry.choose("auto, -istio,-linkerd")} == every - {"istio", "linkerd"}
    with pytest.raises(loading.BadProfile, match="names no profile; give auto"):
        registry.choose("envoy,-envoy")
    with pytest.raises(loading.BadProfile, match="no profile is called 'evnoy'"):
        registry.choose("auto,-evnoy")


def test_what_a_policy_decides_is_of_profiles_that_are_read(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    read = registry.choose("envoy,istio")
    file.write_text("namespaces: {shop: {profiles: [linkerd]}}")
    with pytest.raises(policy.BadPolicy, match="names profiles that are not read: linkerd; read are envoy"):
        registry.decided(file, read)
    file.write_text("client_errors: failure")
    assert registry.decided(file, read).is_strict("envoy", "shop")
    assert not registry.decided(None, read).is_strict("envoy", "shop")
