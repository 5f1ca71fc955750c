"""Which meshes are read, and what a policy may decide of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics_server import meshes, policy, profile


def test_a_profile_is_chosen_by_name_or_file(tmp_path: Path) -> None:
    assert [mesh.name for mesh in meshes.choose("envoy")] == ["envoy"]
    with pytest.raises(profile.BadProfile, match=r"no profile is called 'evnoy'; shipped are .*envoy"):
        meshes.choose("evnoy")
    with pytest.raises(profile.BadProfile, match="cannot be read"):
        meshes.choose(str(tmp_path / "absent.yaml"))


def test_all_shipped_profiles_are_looked_for_but_those_that_are_left_out() -> None:
    every = {mesh.name for mesh in profile.shipped() if mesh.auto}
    assert {mesh.name for mesh in meshes.choose("auto")} == every
    assert {mesh.name for mesh in meshes.choose("auto,envoy-endpoints")} == every | {"envoy-endpoints"}
    assert {mesh.name for mesh in meshes.choose("auto, -istio,-linkerd")} == every - {"istio", "linkerd"}
    with pytest.raises(profile.BadProfile, match="names no profile; give auto"):
        meshes.choose("envoy,-envoy")
    with pytest.raises(profile.BadProfile, match="no profile is called 'evnoy'"):
        meshes.choose("auto,-evnoy")


def test_what_a_policy_decides_is_of_profiles_that_are_read(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    read = meshes.choose("envoy,istio")
    file.write_text("namespaces: {shop: {profiles: [linkerd]}}")
    with pytest.raises(policy.BadPolicy, match="names profiles that are not read: linkerd; read are envoy"):
        meshes.decided(file, read)
    file.write_text("client_errors: failure")
    assert meshes.decided(file, read).is_strict("envoy", "shop")
    assert not meshes.decided(None, read).is_strict("envoy", "shop")
