import dataclasses

import pytest

from apiservice.http import errors
from apiservice.request import request_info
from tests.apiservice import asking

G = "/apis/g/v1"


def parse(url: str, *, method: str = "GET") -> request_info.Attributes:
    asked = asking.incoming(url, method=method)
    return request_info.with_query(request_info.parse(asked.method, path=asked.path), query=asked.query)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{G}/pods", ("list", "", "pods", "", "")),
        (f"{G}/pods/", ("list", "", "pods", "", "")),
        (f"{G}/namespaces/ns/pods", ("list", "ns", "pods", "", "")),
        (f"{G}/namespaces/ns/pods?watch=1", ("watch", "ns", "pods", "", "")),
        (f"{G}/namespaces/ns/pods?watch=true", ("watch", "ns", "pods", "", "")),
        (f"{G}/namespaces/ns/pods?watch=", ("watch", "ns", "pods", "", "")),
        (f"{G}/namespaces/ns/pods?watch=False", ("list", "ns", "pods", "", "")),
        (f"{G}/namespaces/ns/pods?watch=0", ("list", "ns", "pods", "", "")),
        (f"{G}/namespaces/ns/pods/x", ("get", "ns", "pods", "", "x")),
        (f"{G}/namespaces/ns/pods/x?watch=1", ("get", "ns", "pods", "", "x")),
        (f"{G}/namespaces/ns/pods/x/edges", ("get", "ns", "pods", "edges", "x")),
        (f"{G}/namespaces/ns/pods/*/m", ("get", "ns", "pods", "m", "*")),
        (f"{G}/namespaces/ns/pods/%2A/m", ("get", "ns", "pods", "m", "*")),
        (f"{G}/namespaces/ns/metrics/m", ("get", "ns", "metrics", "", "m")),
        (f"{G}/namespaces", ("list", "", "namespaces", "", "")),
        (f"{G}/namespaces/x", ("get", "x", "namespaces", "", "x")),
        (f"{G}/namespaces/x/edges", ("list", "x", "edges", "", "")),
        (f"{G}/namespaces/x/status", ("get", "x", "namespaces", "status", "x")),
        (f"{G}/nodes/n", ("get", "", "nodes", "", "n")),
        (f"{G}/pods?fieldSelector=metadata.name%3Dx", ("list", "", "pods", "", "x")),
        (f"{G}/pods?fieldSelector=metadata.name%3D..", ("list", "", "pods", "", "")),
        (f"{G}/pods?fieldSelector=metadata.name%3Da%2Fb", ("list", "", "pods", "", "")),
        (f"{G}/pods?fieldSelector=metadata.name!%3Dx", ("list", "", "pods", "", "")),
        (f"{G}/pods?fieldSelector=nonsense", ("list", "", "pods", "", "")),
        (f"{G}/watch/namespaces/ns/pods/x", ("watch", "ns", "pods", "", "x")),
        (f"{G}/proxy/namespaces/ns/pods/x/y", ("proxy", "ns", "pods", "", "x")),
        ("/api/v1/namespaces/ns/pods/x", ("get", "ns", "pods", "", "x")),
    ],
)
def test_a_path_means_what_the_kube_apiserver_takes_it_for(
    url: str, expected: tuple[str, str, str, str, str]
) -> None:
    found = parse(url)
    assert found.is_resource
    assert (found.verb, found.namespace, found.resource, found.subresource, found.name) == expected


@pytest.mark.parametrize(
    "path", ["/", "/apis", "/apis/g", "/apis/g/v1", "/apis/g/v1/", "/api/v1", "/version", "/a/b/c/d"]
)
def test_discovery_and_other_paths_are_not_resources(path: str) -> None:
    assert parse(path) == request_info.Attributes(path=path, verb="get")


@pytest.mark.parametrize(
    ("method", "path", "verb"),
    [
        ("HEAD", "pods/x", "get"),
        ("HEAD", "pods", "list"),
        ("POST", "pods", "create"),
        ("PUT", "pods/x", "update"),
        ("PATCH", "pods/x", "patch"),
        ("DELETE", "pods/x", "delete"),
        ("DELETE", "pods", "deletecollection"),
        ("OPTIONS", "pods", ""),
    ],
)
def test_methods_become_verbs(method: str, path: str, verb: str) -> None:
    assert parse(f"{G}/{path}", method=method).verb == verb


def test_an_encoded_slash_is_a_slash_to_whoever_asks() -> None:
    plain, encoded = parse(f"{G}/namespaces/ns/pods/x"), parse(f"{G}/namespaces%2Fns/pods%2Fx")
    assert dataclasses.replace(encoded, path=plain.path) == plain


def test_a_watch_path_without_a_resource_is_refused() -> None:
    with pytest.raises(errors.BadRequest, match='names no resource after "watch"'):
        parse(f"{G}/watch")
