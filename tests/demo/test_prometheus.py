from pathlib import Path

import pytest

from demo import faults, placement, prometheus, shop


def test_a_pod_is_scraped_with_the_labels_of_a_kubernetes_scrape(where: placement.Placement) -> None:
    pod = where.pods_of(shop.CART)[0]
    assert prometheus.target_labels(pod) == {
        "namespace": "shop",
        "pod": pod.name,
        "container": "envoy",
        "node": pod.node,
        "app": "cart",
        "version": "v1",
        "pod_template_hash": pod.labels["pod-template-hash"],
    }


def test_label_names_are_made_such_as_prometheus_allows(where: placement.Placement) -> None:
    labels = prometheus.target_labels(where.pods_of(shop.DB)[0])
    assert labels["statefulset_kubernetes_io_pod_name"] == "db-0"


def test_a_machine_outside_the_cluster_has_no_pod(where: placement.Placement) -> None:
    (machine,) = where.pods_of(shop.BILLING_VM)
    assert prometheus.target_labels(machine) == {
        "app": "billing",
        "namespace": "shop",
        "external_workload": "billing-vm",
    }


def test_a_scrape_never_takes_longer_than_its_interval(where: placement.Placement) -> None:
    assert prometheus.config(where, scrape_interval=1.5)["global"]["scrape_timeout"] == "1500ms"
    assert prometheus.config(where, scrape_interval=60)["global"]["scrape_timeout"] == "5000ms"


def test_the_environment_says_which_prometheus(tmp_path: Path) -> None:
    program = tmp_path / "prometheus"
    program.touch(mode=0o755)
    assert prometheus.binary({"PROMETHEUS": str(program)}) == program


def test_an_environment_that_names_no_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(faults.DemoError, match=r"PROMETHEUS names .*missing, which is no program"):
        prometheus.binary({"PROMETHEUS": str(tmp_path / "missing")})
