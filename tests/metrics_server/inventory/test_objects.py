from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from metrics_server.inventory import file_source, objects
from metrics_server.model import kinds
from tests.metrics_server import recording

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "cart-1",
        "namespace": "shop",
        "labels": {"app": "cart"},
        "ownerReferences": [
            {"kind": "Other", "name": "not-the-controller"},
            {"kind": "ReplicaSet", "name": "cart-rs", "controller": True},
        ],
    },
    "spec": {"nodeName": "node-a", "containers": []},
    "status": {"phase": "Running"},
}
POD_REF = kinds.Ref("Pod", "shop", "cart-1")


def read(text: str) -> objects.Inventory:
    return file_source.read(text, source="things.yaml")


def named(kind: str, name: str = "x", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "shop"}, **more}


def test_of_an_object_is_read_what_rolling_up_needs() -> None:
    one = read(yaml.safe_dump(POD)).objects[POD_REF]
    assert one == objects.Object(
        ref=POD_REF,
        labels={"app": "cart"},
        owner=kinds.Ref("ReplicaSet", "shop", "cart-rs"),
        node="node-a",
        selector={},
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(yaml.safe_dump(POD), id="one object"),
        pytest.param(json.dumps(POD), id="JSON"),
        pytest.param(yaml.safe_dump({"kind": "List", "items": [POD]}), id="a List"),
        pytest.param(json.dumps({"kind": "PodList", "items": [POD]}), id="a list of its kind"),
        pytest.param(
            yaml.safe_dump({"kind": "List", "items": [{"kind": "List", "items": [POD]}]}), id="nested lists"
        ),
        pytest.param(f"---\n---\n{yaml.safe_dump(POD)}---\n", id="empty documents around it"),
    ],
)
def test_every_form_that_kubectl_prints_is_read(text: str) -> None:
    assert list(read(text).objects) == [POD_REF]


def test_several_documents_are_one_inventory() -> None:
    text = yaml.safe_dump_all([POD, {"kind": "List", "items": [named("Service"), named("Node")]}])
    assert [ref.kind for ref in read(text).objects] == ["Pod", "Service", "Node"]


@pytest.mark.parametrize("text", ["", "---", "kind: List\nitems:\n", "kind: List\nitems: []"])
def test_nothing_is_an_empty_inventory(text: str) -> None:
    assert read(text) == objects.Inventory()


def test_only_a_service_selects_and_only_by_a_mapping_of_labels() -> None:
    things = read(
        yaml.safe_dump_all(
            [
                named("Service", "a", spec={"selector": {"app": "cart", "tier": 1}}),
                named("Service", "b", spec={"selector": None}),
                named("Service", "c", spec={"selector": "app"}),
                named("Service", "d"),
                named("Deployment", "e", spec={"selector": {"matchLabels": {"app": "cart"}}}),
            ]
        )
    )
    assert [(one.ref.name, one.selector) for one in things.services["shop"]] == [
        ("a", {"app": "cart", "tier": "1"}),
        ("b", {}),
        ("c", {}),
        ("d", {}),
    ]
    assert things.objects[kinds.Ref("Deployment", "shop", "e")].selector == {}


def test_a_workload_entry_is_an_external_workload_and_both_are_units() -> None:
    things = read(
        yaml.safe_dump_all([named("WorkloadEntry", "istio-vm"), named("ExternalWorkload", "vm"), POD])
    )
    assert [unit.ref for unit in things.selectable["shop"]] == [
        kinds.Ref("ExternalWorkload", "shop", "istio-vm"),
        kinds.Ref("ExternalWorkload", "shop", "vm"),
        POD_REF,
    ]


def test_pods_and_machines_have_addresses_and_nothing_else_has() -> None:
    spec = {"address": "192.0.2.1", "workloadIPs": [{"ip": "192.0.2.2"}, {"ip": "2001:db8::2"}, "odd"]}
    pod = named("Pod", "pod", status={"podIP": "192.0.2.3", "podIPs": [{"ip": "192.0.2.3"}]}, spec=spec)
    objects = [named("WorkloadEntry", "istio-vm", spec=spec), named("Gateway", "other", spec=spec), pod]
    things = read(yaml.safe_dump_all(objects)).objects.values()
    assert {one.ref.name: one.addresses for one in things} == {
        "istio-vm": ("192.0.2.1", "192.0.2.2", "2001:db8::2"),
        "other": (),
        "pod": ("192.0.2.3",),
    }


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param({"metadata": {"name": "x"}}, "object 1: kind: Field required", id="no kind"),
        pytest.param({"kind": "", "metadata": {"name": "x"}}, "object 1: kind: ", id="empty kind"),
        pytest.param({"kind": "Pod"}, "object 1: metadata: Field required", id="no metadata"),
        pytest.param(
            {"kind": "Pod", "metadata": {}}, "object 1: metadata.name: Field required", id="no name"
        ),
        pytest.param({"kind": "Pod", "metadata": {"name": ""}}, "object 1: metadata.name: ", id="empty name"),
        pytest.param(
            {"kind": "Pod", "metadata": {"name": "x", "labels": {"a": 1}}},
            "object 1: metadata.labels.a: ",
            id="a label that is no text",
        ),
        pytest.param("text", "object 1: ", id="no object"),
        pytest.param({"kind": "PodList"}, "object 1: metadata: ", id="a list without items"),
    ],
)
def test_a_fault_names_file_object_and_key(content: Any, why: str) -> None:
    with pytest.raises(file_source.BadInventory) as refused:
        read(yaml.safe_dump_all([POD, content, POD]))
    assert str(refused.value).startswith(f"things.yaml: {why}")


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(file_source.BadInventory) as refused:
        read(yaml.safe_dump_all([{"kind": "Pod"}, POD, {"metadata": {"name": "x"}}]))
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == ["object 0", "object 2"]


@pytest.mark.parametrize("text", ["a: [", "\x00", "a: !!python/object:os.system x"])
def test_what_is_neither_yaml_nor_json_is_refused(text: str) -> None:
    with pytest.raises(file_source.BadInventory, match=r"^things.yaml: neither YAML nor JSON"):
        read(text)


def test_the_recorded_mesh_is_read_whole() -> None:
    kinds = {ref.kind for ref in recording.shop_inventory().objects}
    assert {"Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "Service", "Node"} <= kinds
    assert "ExternalWorkload" in kinds


# The inventory file


def write(path: Path, text: str, *, at: int) -> None:
    """Write a file and set its time to `at`, so that a coarse file system clock does not hide the change."""
    path.write_text(text, encoding="utf-8")
    os.utime(path, (at, at))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "things.yaml"
    write(path, yaml.safe_dump(POD), at=1000)
    return path


def test_a_file_is_read_again_when_it_changes(path: Path) -> None:
    file = file_source.File(path)
    before = file.current()
    assert list(before.objects) == [POD_REF]
    assert file.current() is before
    write(path, yaml.safe_dump(named("Node")), at=2000)
    assert [ref.kind for ref in file.current().objects] == ["Node"]


def test_a_broken_file_is_reported_and_the_last_good_one_kept_until_it_is_mended(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = file_source.File(path)
    write(path, "kind: Pod", at=2000)
    with caplog.at_level(logging.WARNING):
        assert list(file.current().objects) == [POD_REF]
    assert "the last good one stays" in caplog.text
    assert f"{path}: object 0: metadata" in caplog.text
    write(path, yaml.safe_dump(named("Node")), at=3000)
    assert [ref.kind for ref in file.current().objects] == ["Node"]


def test_a_file_that_vanishes_is_reported_and_the_last_good_one_kept(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = file_source.File(path)
    path.unlink()
    with caplog.at_level(logging.WARNING):
        assert list(file.current().objects) == [POD_REF]
    assert "cannot be read" in caplog.text


def test_at_first_a_file_must_be_there_and_good(path: Path, tmp_path: Path) -> None:
    with pytest.raises(file_source.BadInventory, match="cannot be read"):
        file_source.File(tmp_path / "absent.yaml")
    with pytest.raises(file_source.BadInventory, match="cannot be read"):
        file_source.File(tmp_path)
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(file_source.BadInventory, match="cannot be read"):
        file_source.File(path)
    path.write_text("kind: Pod", encoding="utf-8")
    with pytest.raises(file_source.BadInventory, match="metadata"):
        file_source.File(path)


def test_a_static_pod_is_its_own_and_not_its_nodes() -> None:
    pod = {
        **POD,
        "metadata": {
            **POD["metadata"],
            "ownerReferences": [{"kind": "Node", "name": "a", "controller": True}],
        },
    }
    assert read(yaml.safe_dump(pod)).objects[POD_REF].owner is None


def test_what_is_gone_is_known_unless_it_is_back_and_selected_by_nothing() -> None:
    before, now = (objects.Object(ref=POD_REF, node=node) for node in ("node-a", "node-b"))
    gone = objects.Inventory({}, {POD_REF: before})
    assert gone.known == {POD_REF: before}
    assert (gone.objects, gone.selectable, gone.namespaces) == ({}, {}, frozenset())
    back = objects.Inventory({POD_REF: now}, {POD_REF: before})
    assert back.known == {POD_REF: now}
