from demo import placement, shop


def test_every_pod_has_a_name_and_an_address_of_its_own(where: placement.Placement) -> None:
    assert len({pod.name for pod in where.pods}) == len(where.pods)
    assert len({pod.address for pod in where.pods}) == len(where.pods)
    assert {pod.address.rpartition(".")[0] for pod in where.pods} == {"127.29.0"}


def test_the_mesh_is_big_enough_to_be_interesting(where: placement.Placement) -> None:
    assert len(shop.SHOP.workloads) >= 10
    assert sum(1 for pod in where.pods if pod.workload.in_cluster) >= 14
    assert {pod.namespace for pod in where.pods} == {"shop", "data"}


def test_names_are_those_that_kubernetes_gives(where: placement.Placement) -> None:
    cart = where.pods_of(shop.CART)[0]
    assert cart.name.startswith(f"cart-{cart.labels['pod-template-hash']}-")
    assert [pod.name for pod in where.pods_of(shop.DB)] == ["db-0", "db-1"]
    assert where.pods_of(shop.DB)[1].labels["statefulset.kubernetes.io/pod-name"] == "db-1"


def test_names_are_the_same_in_every_mesh(where: placement.Placement) -> None:
    other = placement.place(shop.SHOP, subnet="127.30.0")
    assert [pod.name for pod in other.pods] == [pod.name for pod in where.pods]
    assert not {pod.address for pod in other.pods} & {pod.address for pod in where.pods}


def test_a_daemonset_has_one_pod_on_every_node(where: placement.Placement) -> None:
    assert sorted(pod.node for pod in where.pods_of(shop.CACHE)) == sorted(shop.SHOP.nodes)


def test_the_machine_outside_the_cluster_is_on_no_node(where: placement.Placement) -> None:
    (machine,) = where.pods_of(shop.BILLING_VM)
    assert machine.node == ""


def test_a_split_service_has_the_pods_of_both_versions_and_a_ghost_has_none(
    where: placement.Placement,
) -> None:
    def backing(name: str) -> set[str]:
        service = next(service for service in shop.SHOP.services if service.name.name == name)
        return {pod.workload.name.name for pod in where.endpoints(service)}

    assert backing("catalog") == {"catalog-v1", "catalog-v2"}
    assert backing("ghost") == set()
    assert backing("billing") == {"billing-vm"}


def test_every_call_is_to_a_service_that_exists() -> None:
    for workload in shop.SHOP.workloads:
        for call in workload.calls():
            assert shop.SHOP.service(call.service).name == call.service
