from __future__ import annotations

import pytest

from metrics_server.model import snapshot
from metrics_server.ownership import pod_labels

Controllers = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("pod", "labels", "expected"),
    [
        pytest.param(
            "cart-65wlj2h7r-b56jc",
            {"pod_template_hash": "65wlj2h7r"},
            [("ReplicaSet", "cart-65wlj2h7r"), ("Deployment", "cart")],
            id="deployment",
        ),
        pytest.param(
            "a-1x-a-1x-zzzzz",
            {"pod_template_hash": "1x"},
            [("ReplicaSet", "a-1x-a-1x"), ("Deployment", "a-1x-a")],
            id="the hash is in the name twice",
        ),
        pytest.param("cart-x", {"pod_template_hash": "65wlj2h7r"}, [], id="a hash that is not in the name"),
        pytest.param(
            "db-0", {"statefulset_kubernetes_io_pod_name": "db-0"}, [("StatefulSet", "db")], id="statefulset"
        ),
        pytest.param(
            "a-db-1", {"statefulset_kubernetes_io_pod_name": "a-db-1"}, [("StatefulSet", "a-db")], id="dash"
        ),
        pytest.param("db-0", {"statefulset_kubernetes_io_pod_name": "db-1"}, [], id="label of another pod"),
        pytest.param(
            "cache-wd9n6", {"pod_template_generation": "1"}, [("DaemonSet", "cache")], id="daemonset"
        ),
        pytest.param(
            "report-1-x", {"batch_kubernetes_io_job_name": "report-1", "job_name": "old"},
            [("Job", "report-1")], id="job",
        ),
        pytest.param("report-x", {"job_name": "report"}, [("Job", "report")], id="an older job"),
        pytest.param("bare", {"app": "bare"}, [], id="a bare pod"),
        pytest.param("cart-65wlj2h7r-b56jc", {}, [], id="nothing but a telling name"),
    ],
)  # fmt: skip
def test_labels_of_kubernetes_own_controllers_tell_the_owners(
    pod: str, labels: dict[str, str], expected: Controllers
) -> None:
    found = pod_labels.controllers(snapshot.Reporter(namespace="shop", pod=pod, labels=labels))
    assert [(ref.kind, ref.name) for ref in found] == expected
    assert {ref.namespace for ref in found} <= {"shop"}


@pytest.mark.parametrize(
    ("controller", "labels", "expected"),
    [
        (
            ("ReplicaSet", "cart-65wl"),
            {"pod_template_hash": "65wl"},
            [("ReplicaSet", "cart-65wl"), ("Deployment", "cart")],
        ),
        (("ReplicaSet", "cart-65wl"), {}, [("ReplicaSet", "cart-65wl")]),
        (("ReplicaSet", "cart"), {"pod_template_hash": "65wl"}, [("ReplicaSet", "cart")]),
        (("Rollout", "cart"), {"pod_template_hash": "65wl"}, [("Rollout", "cart")]),
        (("StatefulSet", "db"), {"job_name": "x"}, [("StatefulSet", "db")]),
        (("Job", ""), {"job_name": "report"}, [("Job", "report")]),
    ],
)
def test_a_controller_that_the_scrape_names_comes_first(
    controller: tuple[str, str], labels: dict[str, str], expected: Controllers
) -> None:
    pod = snapshot.Reporter(namespace="shop", pod="cart-65wl-x", labels=labels, controller=controller)
    assert [(ref.kind, ref.name) for ref in pod_labels.controllers(pod)] == expected
