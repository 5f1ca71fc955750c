"""The API as a part of a real Kubernetes: aggregated, and read as RBAC allows."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo import faults, runner, wait
from tests.cluster import aggregated, cluster, commands

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.mesh,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(3600),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def joined(
    control_plane: cluster.Cluster, mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[cluster.Cluster]:
    """The cluster, with our server as a part of it."""
    scratch = tmp_path_factory.mktemp("aggregated")
    async with aggregated.serve(control_plane, mesh, scratch=scratch, options=["--autoscaling"]):
        kubeconfig = control_plane.kubeconfig
        for line in (
            "create namespace shop",
            "create serviceaccount reader",
            f"create role traffic --verb=get,list --resource=trafficmetrics.{aggregated.GROUP}",
            "create rolebinding traffic --role=traffic --user=ann --serviceaccount=shop:reader",
        ):
            await commands.kubectl(kubeconfig, *line.split(), "--namespace=shop")
        for line in (
            "create namespace data",
            "create rolebinding everything --clusterrole=cluster-admin --user=dora --namespace=data",
        ):
            await commands.kubectl(kubeconfig, *line.split())
        yield control_plane


async def test_kubectl_prints_the_shop_through_the_kube_apiserver(joined: cluster.Cluster) -> None:
    printed = await commands.kubectl(joined.kubeconfig, "get", "tm", "--namespace=shop", "--output=wide")
    assert "deployment.cart" in printed
    assert "PROFILE" in printed
    edges = await commands.kubectl(joined.kubeconfig, "get", "te", "--all-namespaces")
    assert "deployment/frontend" in edges


async def test_it_is_discovered_like_what_is_built_in(joined: cluster.Cluster) -> None:
    printed = await commands.kubectl(joined.kubeconfig, "api-resources", f"--api-group={aggregated.GROUP}")
    assert {"trafficmetrics", "trafficedges", "deployments"} <= set(printed.split())
    condition = '--output=jsonpath={.status.conditions[?(@.type=="Available")].status}'
    name = f"{aggregated.VERSION}.{aggregated.GROUP}"
    assert await commands.kubectl(joined.kubeconfig, "get", "apiservice", name, condition) == "True"


async def test_it_is_explained_like_what_is_built_in(joined: cluster.Cluster) -> None:
    async def explained() -> bool:
        try:
            said = await commands.kubectl(joined.kubeconfig, "explain", "trafficmetrics.metrics")
        except faults.DemoError:
            return False
        return "Unknown figures are left out" in said

    # The kube-apiserver fetches OpenAPI documents with a delay.
    await wait.until(explained, what="the explanation", within=150, pause=2)


async def test_pods_and_deployments_of_the_core_are_still_kubernetes_own(joined: cluster.Cluster) -> None:
    asked = ("get", "deployments", "--namespace=shop", "--output=name")
    assert await commands.kubectl(joined.kubeconfig, *asked) == ""


async def test_whoever_may_read_a_namespace_reads_it_and_no_other(joined: cluster.Cluster) -> None:
    read = ("get", "trafficmetrics", "--as=ann")
    assert "deployment.cart" in await commands.kubectl(joined.kubeconfig, *read, "--namespace=shop")
    with pytest.raises(faults.DemoError) as refused:
        await commands.kubectl(joined.kubeconfig, *read, "--namespace=data")
    assert (
        f'trafficmetrics.{aggregated.GROUP} is forbidden: User "ann" cannot list resource "trafficmetrics" '
        f'in API group "{aggregated.GROUP}" in the namespace "data"'
    ) in str(refused.value)


async def test_past_the_kube_apiserver_nobody_is_let_in_for_nothing(joined: cluster.Cluster) -> None:
    path = f"{aggregated.PATH}/namespaces/shop/trafficmetrics"
    assert (await aggregated.directly(joined, path)).status == 403
    forged = await aggregated.directly(joined, path, headers=aggregated.MASTER)
    assert forged.status == 403
    assert "system:anonymous" in forged.json["message"]
    wrong = {"Authorization": "Bearer wrong"}
    assert (await aggregated.directly(joined, path, headers=wrong)).status == 401


async def test_past_the_kube_apiserver_a_token_reads_what_it_may(
    joined: cluster.Cluster,
) -> None:
    token = await commands.kubectl(joined.kubeconfig, "create", "token", "reader", "--namespace=shop")
    bearer = {"Authorization": f"Bearer {token.strip()}"}
    path = f"{aggregated.PATH}/namespaces/{{}}/trafficmetrics"
    assert "deployment.cart" in (await aggregated.directly(joined, path.format("shop"), headers=bearer)).names
    other = await aggregated.directly(joined, path.format("data"), headers=bearer)
    assert other.status == 403
    assert "system:serviceaccount:shop:reader" in other.json["message"]


_DORA = {"X-Remote-User": "dora", "X-Remote-Group": "system:authenticated"}
"""A user with all rights in the namespace `data`."""
_CUSTOM, _EXTERNAL = "/apis/custom.metrics.k8s.io/v1beta2", "/apis/external.metrics.k8s.io/v1beta1"


@pytest.mark.parametrize(
    "path",
    [
        f"{aggregated.PATH}/namespaces/data/namespaces",
        f"{aggregated.PATH}/namespaces/data/namespaces/shop",
        f"{aggregated.PATH}/namespaces/data/namespaces/shop/edges",
        f"{aggregated.PATH}/namespaces/data/nodes",
        f"{aggregated.PATH}/namespaces/shop",
        f"{aggregated.PATH}/namespaces/shop/edges",
        f"{aggregated.PATH}/namespaces",
        f"{aggregated.PATH}/trafficmetrics?fieldSelector=metadata.namespace%3Ddata",
        f"{_CUSTOM}/namespaces/data/namespaces/shop/success_count",
        f"{_CUSTOM}/namespaces/data/namespaces/*/success_count",
        f"{_CUSTOM}/namespaces/*/success_count",
        f"{_CUSTOM}/namespaces/data/nodes/*/success_count",
        f"{_EXTERNAL}/namespaces/data/success_count?labelSelector=name%3Dcart,namespace%3Dshop",
        f"{_EXTERNAL}/namespaces/data/success_count"
        "?labelSelector=from%3Dfrontent,from_namespace%3Dshop,to%3Ddb",
    ],
)
async def test_all_rights_in_one_namespace_open_nothing_of_another(
    joined: cluster.Cluster, path: str
) -> None:
    reply = await aggregated.directly(joined, path, headers=_DORA, identity=joined.files)
    assert reply.status in (403, 404), reply
    assert "frontend" not in reply.json["message"]
    if path.startswith(aggregated.PATH):
        with pytest.raises(faults.DemoError):
            await commands.kubectl(joined.kubeconfig, "get", f"--raw={path}", "--as=dora")


async def test_all_rights_in_one_namespace_open_that_one(joined: cluster.Cluster) -> None:
    for path, name in (
        (f"{aggregated.PATH}/namespaces/data/trafficmetrics", "statefulset.db"),
        (f"{aggregated.PATH}/namespaces/data", "data"),
    ):
        printed = await commands.kubectl(joined.kubeconfig, "get", f"--raw={path}", "--as=dora")
        assert f'"name":"{name}"' in printed
    path = f"{_CUSTOM}/namespaces/data/metrics/success_count"
    reply = await aggregated.directly(joined, path, headers=_DORA, identity=joined.files)
    assert [item["describedObject"]["name"] for item in reply.json["items"]] == ["data"]


async def test_past_the_kube_apiserver_who_acts_as_somebody_else_is_that_one_and_may_be_refused_it(
    joined: cluster.Cluster,
) -> None:
    path = f"{aggregated.PATH}/namespaces/shop/trafficmetrics"
    for user, headers in (
        ("dora", aggregated.MASTER | {"Impersonate-User": "dora"}),
        ("ann", {"X-Remote-User": "ann", "Impersonate-User": "dora"}),
    ):
        reply = await aggregated.directly(joined, path, headers=headers, identity=joined.files)
        assert reply.status == 403
        assert f'User "{user}" cannot' in reply.json["message"]
    as_ann = aggregated.MASTER | {"Impersonate-User": "ann"}
    reply = await aggregated.directly(joined, path, headers=as_ann, identity=joined.files)
    assert "deployment.cart" in reply.names


async def test_a_member_of_1500_groups_is_served_through_the_kube_apiserver(joined: cluster.Cluster) -> None:
    groups = [f"--as-group=team-{number}" for number in range(1500)]
    printed = await commands.kubectl(
        joined.kubeconfig, "get", "trafficmetrics", "--namespace=shop", "--as=ann", *groups
    )
    assert "deployment.cart" in printed
