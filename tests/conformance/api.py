"""A subject's discovery and objects: with them the suite finds what to test."""

import dataclasses
import functools
from typing import Any

import pytest

from tests.conformance import asking, subject

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
KUBECTL = f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
"""The media types that `kubectl get` accepts."""
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    plural: str
    singular: str
    kind: str
    namespaced: bool
    verbs: frozenset[str]


class Api:
    """A subject, and what the suite has found out about it."""

    def __init__(self, whom: subject.Subject) -> None:
        self.subject = whom

    def ask(self, path: str, **more: Any) -> asking.Reply:
        return asking.ask(self.subject, path, **more)

    def read(self, path: str, **more: Any) -> Any:
        """Return the JSON of a path that must exist."""
        reply = self.ask(path, **more)
        assert reply.status == 200, f"{path}: {reply.status} {reply.body[:300]!r}"
        return reply.json

    @functools.cached_property
    def entries(self) -> list[dict[str, Any]]:
        """Resources and subresources of the version."""
        found: list[dict[str, Any]] = self.read(self.subject.root)["resources"]
        return found

    @functools.cached_property
    def resources(self) -> list[Resource]:
        """The resources that can be listed."""
        return [
            Resource(
                plural=entry["name"],
                singular=entry["singularName"],
                kind=entry["kind"],
                namespaced=entry["namespaced"],
                verbs=frozenset(entry["verbs"]),
            )
            for entry in self.entries
            if "/" not in entry["name"] and "list" in entry["verbs"]
        ]

    @functools.cached_property
    def main(self) -> Resource:
        """The first resource with two objects in the namespace: most rows are tested on it."""
        for resource in self.resources:
            if resource.namespaced and len(self.read(self.list_path(resource))["items"]) > 1:
                return resource
        raise AssertionError(f"no resource has two objects in namespace {self.subject.namespace}")

    @functools.cached_property
    def parted(self) -> tuple[Resource, str]:
        """A resource that has an object in the namespace and a readable subresource, and the subresource."""
        names: list[str] = [entry["name"] for entry in self.entries if "get" in entry["verbs"]]
        for resource in self.resources:
            prefix = f"{resource.plural}/"
            parts = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
            if parts and resource.namespaced and self.read(self.list_path(resource))["items"]:
                return resource, parts[0]
        raise AssertionError(f"nothing in namespace {self.subject.namespace} has a subresource")

    def demand_without(self, verb: str) -> None:
        """Skip if a given API offers this verb: the suite writes no objects of others."""
        if self.subject.way is subject.Way.GIVEN and verb in self.main.verbs:
            pytest.skip(f"{self.main.plural} offers {verb}")

    @property
    def elsewhere(self) -> str:
        """A namespace other than that of the subject."""
        return "kube-system" if self.subject.namespace == "default" else "default"

    @property
    def collection(self) -> str:
        """The path of the list of `main`."""
        return self.list_path(self.main)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The objects of `main` in the namespace, as they are now."""
        found: list[dict[str, Any]] = self.read(self.collection)["items"]
        return found

    @property
    def name(self) -> str:
        """The name of the first object of `main`."""
        return str(self.items[0]["metadata"]["name"])

    @property
    def object_path(self) -> str:
        """The path of that object."""
        return f"{self.collection}/{self.name}"

    def everywhere(self, resource: Resource) -> str:
        """The path of a list over all namespaces."""
        return f"{self.subject.root}/{resource.plural}"

    def list_path(self, resource: Resource, *, namespace: str = "") -> str:
        if not resource.namespaced:
            return self.everywhere(resource)
        return f"{self.subject.root}/namespaces/{namespace or self.subject.namespace}/{resource.plural}"
