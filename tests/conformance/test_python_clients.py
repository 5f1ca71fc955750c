"""C: the two Python clients: Kubernetes' official one, and the asynchronous one."""

import asyncio
from typing import Any

import kubernetes
import kubernetes.dynamic
import kubernetes_asyncio
import pytest

from tests.conformance import api, rows


def _official(api: api.Api) -> kubernetes.client.ApiClient:
    where = str(api.subject.kubeconfig)
    client: kubernetes.client.ApiClient = kubernetes.config.new_client_from_config(where)  # type: ignore[no-untyped-call]
    return client


def _names(listed: Any) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


def _place(api: api.Api) -> tuple[str, str, str, str]:
    return (api.subject.group, api.subject.version, api.subject.namespace, api.main.plural)


@rows.row("C30")
def test_the_official_python_client_lists_and_gets_objects(api: api.Api) -> None:
    with _official(api) as client:
        objects = kubernetes.client.CustomObjectsApi(client)
        listed = objects.list_namespaced_custom_object(*_place(api))
        assert _names(listed) == _names({"items": api.items})
        one: Any = objects.get_namespaced_custom_object(*_place(api), api.name)
        assert one["metadata"]["name"] == api.name
        with pytest.raises(kubernetes.client.ApiException) as missing:
            objects.get_namespaced_custom_object(*_place(api), "missing")
        assert missing.value.status == 404
        assert kubernetes.client.VersionApi(client).get_code().git_version.startswith("v")


@rows.row("C31")
def test_the_official_dynamic_client_finds_every_resource_by_discovery(api: api.Api) -> None:
    with _official(api) as client:
        dynamic: Any = kubernetes.dynamic.DynamicClient(client)  # type: ignore[no-untyped-call]
        version = f"{api.subject.group}/{api.subject.version}"
        for resource in api.resources:
            found = dynamic.resources.get(api_version=version, kind=resource.kind)
            assert (found.name, found.namespaced) == (resource.plural, resource.namespaced)
            listed = found.get().to_dict()
            assert _names(listed) == _names(api.read(api.everywhere(resource)))


@rows.row("C32")
def test_the_asynchronous_client_lists_and_gets_objects(api: api.Api) -> None:
    async def read() -> tuple[Any, Any]:
        configuration = kubernetes_asyncio.client.Configuration()
        await kubernetes_asyncio.config.load_kube_config(
            config_file=str(api.subject.kubeconfig), client_configuration=configuration
        )
        async with kubernetes_asyncio.client.ApiClient(configuration) as client:
            objects = kubernetes_asyncio.client.CustomObjectsApi(client)
            listed = await objects.list_namespaced_custom_object(*_place(api))
            return listed, await objects.get_namespaced_custom_object(*_place(api), api.name)

    listed, one = asyncio.run(read())
    assert _names(listed) == _names({"items": api.items})
    assert one["metadata"]["name"] == api.name
