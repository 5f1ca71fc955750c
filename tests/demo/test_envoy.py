import asyncio
import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest

from demo import blueprint, certificates, envoy, placement, shop, sidecars, stats


def bootstrap(where: placement.Placement, name: blueprint.Name) -> dict[str, Any]:
    pod = where.pods_of(name)[0]
    config = envoy.bootstrap(pod, where=where, files=certificates.Files(Path("certificates")))
    answer: dict[str, Any] = json.loads(json.dumps(config))
    return answer


def listener(config: dict[str, Any], port: int) -> dict[str, Any]:
    listeners: list[dict[str, Any]] = config["static_resources"]["listeners"]
    return next(each for each in listeners if each["address"]["socket_address"]["port_value"] == port)


def cluster(config: dict[str, Any], name: str) -> dict[str, Any]:
    clusters: list[dict[str, Any]] = config["static_resources"]["clusters"]
    return next(each for each in clusters if each["name"] == name)


def routes(config: dict[str, Any], port: int) -> list[dict[str, Any]]:
    http = listener(config, port)["filter_chains"][0]["filters"][0]["typed_config"]
    return [route for host in http["route_config"]["virtual_hosts"] for route in host["routes"]]


@pytest.mark.packaged
async def test_envoy_accepts_the_configuration_of_every_pod(
    where: placement.Placement, tmp_path: Path
) -> None:
    files = certificates.Files(tmp_path)
    names = [workload.name for workload in shop.SHOP.workloads]
    certificates.write(files, workloads=names, now=datetime.datetime.now(datetime.UTC))
    refused = {}
    for pod in where.pods:
        config = tmp_path / f"{pod.name}.json"
        config.write_text(json.dumps(envoy.bootstrap(pod, where=where, files=files)))
        command = [*sidecars.command(config, program=str(sidecars.binary())), "--mode", "validate"]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            refused[pod.name] = output.decode()
    assert refused == {}


def test_the_metrics_door_leads_to_the_metrics_and_nowhere_else(where: placement.Placement) -> None:
    (route,) = routes(bootstrap(where, shop.CART), placement.METRICS_PORT)
    assert route["match"] == {"path": "/stats/prometheus"}
    assert route["route"]["cluster"] == envoy.ADMIN_CLUSTER


def test_a_split_service_is_routed_by_weight_and_says_what_was_chosen(where: placement.Placement) -> None:
    found = [
        route["route"]["weighted_clusters"]["clusters"]
        for route in routes(bootstrap(where, shop.FRONTEND), placement.OUTBOUND_PORT)
        if "weighted_clusters" in route["route"]
    ]
    (choices,) = found
    assert {choice["name"]: choice["weight"] for choice in choices} == {
        "outbound|8080||catalog-v1.shop.svc.cluster.local": 90,
        "outbound|8080||catalog-v2.shop.svc.cluster.local": 10,
    }
    said = [choice["response_headers_to_add"][0]["header"]["value"] for choice in choices]
    assert said == ["shop/catalog-v1", "shop/catalog-v2"]


def test_only_the_edge_with_a_policy_is_retried_and_cut_short(where: placement.Placement) -> None:
    (to_db,) = routes(bootstrap(where, shop.CART), placement.OUTBOUND_PORT)
    assert to_db["route"]["timeout"] == "0.25s"
    assert to_db["route"]["retry_policy"] == {"retry_on": "5xx", "num_retries": 1}
    for route in routes(bootstrap(where, shop.CHECKOUT), placement.OUTBOUND_PORT):
        assert "retry_policy" not in route["route"]


def test_strict_workloads_demand_a_certificate_and_their_callers_bring_one(
    where: placement.Placement,
) -> None:
    chain = listener(bootstrap(where, shop.PAYMENTS), placement.INBOUND_PORT)["filter_chains"][0]
    assert chain["transport_socket"]["typed_config"]["require_client_certificate"] is True
    caller = cluster(bootstrap(where, shop.CHECKOUT), "outbound|8080||payments.shop.svc.cluster.local")
    context = caller["transport_socket"]["typed_config"]["common_tls_context"]
    (expected,) = context["validation_context"]["match_typed_subject_alt_names"]
    assert expected["matcher"] == {"exact": "spiffe://cluster.local/ns/shop/sa/payments"}
    assert context["tls_certificates"]


def test_plain_workloads_are_called_without_tls(where: placement.Placement) -> None:
    plain = cluster(bootstrap(where, shop.CHECKOUT), "outbound|8080||cart.shop.svc.cluster.local")
    assert "transport_socket" not in plain


def test_a_service_without_endpoints_has_a_cluster_without_endpoints(where: placement.Placement) -> None:
    ghost = cluster(bootstrap(where, shop.FRONTEND), "outbound|8080||ghost.shop.svc.cluster.local")
    assert ghost["load_assignment"]["endpoints"] == [{"lb_endpoints": []}]


def test_a_gateway_has_a_public_door_and_no_others(where: placement.Placement) -> None:
    listeners = bootstrap(where, shop.GATEWAY)["static_resources"]["listeners"]
    assert [each["name"] for each in listeners] == ["ingress_http", "metrics"]


def test_both_cures_for_dots_are_in_the_mesh(where: placement.Placement) -> None:
    tagged, aliased = bootstrap(where, shop.CART), bootstrap(where, shop.BILLING_VM)
    assert tagged["stats_config"]["use_all_default_tags"] is False
    assert "stats_config" not in aliased
    assert cluster(aliased, "outbound|8080||db.data.svc.cluster.local")["alt_stat_name"] == "data/db"
    assert stats.naming(where.pods_of(shop.DB)[0].workload) is stats.Naming.ALIASES


def test_the_tag_of_a_cluster_holds_its_whole_name() -> None:
    (tag,) = (t for t in stats.Naming.TAGS.config()["stats_config"]["stats_tags"] if "regex" in t)

    def name(stat: str) -> str | None:
        found = re.match(tag["regex"], stat)
        return found and found[2]

    long = "outbound|8080||cart.shop.svc.cluster.local"
    assert name(f"cluster.{long}.upstream_rq_200") == long
    assert name("cluster.inbound|8080||.upstream_rq_200") == "inbound|8080||"
    assert name("cluster.xds-grpc.upstream_rq_200") == "xds-grpc"
    assert name("http.inbound_8080.downstream_rq_2xx") is None
