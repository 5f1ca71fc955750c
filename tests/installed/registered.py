"""The registration of our API at the kube-apiserver: the authorities that it trusts, and its discovery."""

import base64
import json
from typing import Any

from tests.installed import reading
from tests.installed import site as sites


async def bundle(site: sites.Site) -> bytes:
    """The authorities that it trusts."""
    path = "--output=jsonpath={.spec.caBundle}"
    return base64.b64decode(await site.kubectl("get", "apiservice", sites.API_SERVICE, path))


async def as_written(site: sites.Site) -> dict[str, Any]:
    """The APIService as it was before an authority was added."""
    made = json.loads(await site.kubectl("get", "apiservice", sites.API_SERVICE, "--output=json"))
    return {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "metadata": {"name": made["metadata"]["name"]},
        "spec": {name: value for name, value in made["spec"].items() if name != "caBundle"},
    }


async def is_stale(reader: reading.Reader) -> bool:
    """Whether it reports that its discovery of our API is out of date."""
    accept = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    async with reader.http.get(f"{reader.server}/apis", headers=accept) as response:
        groups = {group["metadata"]["name"]: group for group in (await response.json())["items"]}
    return bool(groups["metrics.smi-spec.io"]["versions"][0].get("freshness") == "Stale")


async def conditions(site: sites.Site, namespace: str) -> set[str]:
    """The conditions that are true of a namespace."""
    found = json.loads(await site.kubectl("get", "namespace", namespace, "--output=json"))
    return {one["type"] for one in found["status"].get("conditions", ()) if one["status"] == "True"}
