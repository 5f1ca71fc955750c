import pathlib
import ssl
from collections.abc import AsyncIterator

import pytest
import yaml

from apiservice.kube import client, config
from tests.apiservice import cluster, pki

CA = pki.authority("cluster-ca")
SELECTED = {"fieldSelector": f"metadata.name={cluster.NAME}"}


@pytest.fixture
async def secure(tmp_path: pathlib.Path) -> AsyncIterator[cluster.Cluster]:
    """A fake kube-apiserver that serves HTTPS with a certificate for its address."""
    serving = CA.issue("kube-apiserver", usages=[pki.SERVER], host=cluster.HOST)
    path = tmp_path / "serving.pem"
    path.write_bytes(serving.key_pem + serving.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    async with cluster.serve(tls=context) as served:
        yield served


@pytest.fixture
def account(tmp_path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The two files of a service account: its token and the cluster's authority."""
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("pod-token\n")
    authority.write_bytes(CA.pem)
    return token, authority


async def test_a_pod_asks_as_its_service_account(
    secure: cluster.Cluster, account: tuple[pathlib.Path, pathlib.Path]
) -> None:
    host, port = secure.url.removeprefix("https://").split(":")
    now = [0.0]
    connection = config.in_cluster(
        token=str(account[0]),
        authority=str(account[1]),
        environment={"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port},
        clock=lambda: now[0],
    )
    async with client.connect(connection) as api:
        for now[0], token in ((0.0, "pod-token\n"), (10.0, "renewed"), (20.0, ""), (30.0, "again")):
            account[0].write_text(token)
            assert (await api.get(cluster.CONFIG_MAPS, query=SELECTED))["items"] == []
    assert secure.authorizations == ["Bearer pod-token", "Bearer renewed", "Bearer renewed", "Bearer again"]


async def test_a_pod_without_a_token_is_no_pod(account: tuple[pathlib.Path, pathlib.Path]) -> None:
    account[0].write_text("\n")
    with pytest.raises(config.NoCluster, match="the token is empty"):
        config.in_cluster(
            token=str(account[0]),
            authority=str(account[1]),
            environment={"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"},
        )


async def test_outside_a_pod_there_is_a_word_of_advice(account: tuple[pathlib.Path, pathlib.Path]) -> None:
    with pytest.raises(config.NoCluster, match=r"not a pod of a cluster: .* Give a kubeconfig"):
        config.in_cluster(token=str(account[0]), authority=str(account[1]), environment={})


def kubeconfig(path: pathlib.Path, *, server: str, authority: pathlib.Path, **more: str) -> pathlib.Path:
    cluster_part = {"server": server, "certificate-authority": str(authority), **more}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster_part}],
        "users": [{"name": "u", "user": {"token": "users-token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(content))
    return path


async def test_a_kubeconfig_says_whom_to_ask_and_as_whom(
    secure: cluster.Cluster, account: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    path = kubeconfig(tmp_path / "config", server=secure.url, authority=account[1])
    async with client.connect(await config.from_kubeconfig(path)) as api:
        assert (await api.get(cluster.CONFIG_MAPS, query=SELECTED))["items"] == []
    assert secure.authorizations == ["Bearer users-token"]


async def test_a_kube_apiserver_of_another_authority_is_not_told_the_token(
    secure: cluster.Cluster, account: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    account[1].write_bytes(pki.authority("cluster-ca").pem)
    path = kubeconfig(tmp_path / "config", server=secure.url, authority=account[1])
    async with client.connect(await config.from_kubeconfig(path), attempts=1) as api:
        with pytest.raises(client.Unreachable, match="certificate verify failed"):
            await api.get(cluster.CONFIG_MAPS, query=SELECTED)
    assert secure.asked == []


async def test_the_name_in_the_certificate_may_be_another(
    secure: cluster.Cluster, account: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    path = kubeconfig(
        tmp_path / "config", server=secure.url, authority=account[1], **{"tls-server-name": "elsewhere"}
    )
    async with client.connect(await config.from_kubeconfig(path), attempts=1) as api:
        with pytest.raises(client.Unreachable, match="elsewhere"):
            await api.get(cluster.CONFIG_MAPS, query=SELECTED)


async def test_a_kubeconfig_that_is_none_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(config.NoCluster, match="none cannot be used"):
        await config.from_kubeconfig(tmp_path / "none")
