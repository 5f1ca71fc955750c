import dataclasses

import pytest

from apiservice.request import request_info
from apiservice.resources import router
from tests.apiservice import asking, fruits

FRUITS = fruits.group_version(fruits.Orchard())


@pytest.fixture(scope="module")
def routes() -> router.Routes:
    return router.Routes([FRUITS])


def find(routes: router.Routes, path: str) -> tuple[str, str | None, str | None, str | None] | None:
    asked = asking.incoming(path)
    route = routes.find(request_info.parse("GET", path=asked.path))
    if route is None:
        return None
    return (route.endpoint.resource, route.endpoint.subresource, route.namespace, route.name)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("fruits", ("fruits", None, None, None)),
        ("fruits/", ("fruits", None, None, None)),
        ("namespaces/north/fruits", ("fruits", None, "north", None)),
        ("namespaces/north/fruits/apple", ("fruits", None, "north", "apple")),
        ("namespaces/north/fruits/apple/pips", ("fruits", "pips", "north", "apple")),
        ("fruits?fieldSelector=metadata.name%3Dapple", ("fruits", None, None, None)),
        ("crates", ("crates", None, None, None)),
        ("crates/c", ("crates", None, None, "c")),
        ("crates/c/pips", ("crates", "pips", None, "c")),
        ("namespaces", ("namespaces", None, None, None)),
        ("namespaces/north", ("namespaces", None, None, "north")),
        ("namespaces/north/pips", ("namespaces", "pips", None, "north")),
        ("watch/fruits", ("fruits", None, None, None)),
    ],
)
def test_a_path_leads_to_what_was_declared(
    routes: router.Routes, path: str, expected: tuple[str, str | None, str | None, str | None]
) -> None:
    assert find(routes, f"/apis/{fruits.GROUP_VERSION}/{path}") == expected


@pytest.mark.parametrize(
    "path",
    [
        "/apis/fruits.example.com/v1/vegetables",
        "/apis/fruits.example.com/v2/fruits",
        "/apis/other.example.com/v1/fruits",
        "/api/v1/fruits",
        "/apis/fruits.example.com/v1/fruits/apple",
        "/apis/fruits.example.com/v1/namespaces/north/crates",
        "/apis/fruits.example.com/v1/namespaces/north/crates/c",
        "/apis/fruits.example.com/v1/namespaces/north/namespaces",
        "/apis/fruits.example.com/v1/namespaces/north/namespaces/south",
        "/apis/fruits.example.com/v1/namespaces/north/namespaces/south/pips",
        "/apis/fruits.example.com/v1/namespaces/north/namespaces/*/pips",
        "/apis/fruits.example.com/v1/namespaces/north/fruits/apple/pips/1",
        "/apis/fruits.example.com/v1/namespaces/north/fruits/apple/leaves",
        "/apis/fruits.example.com/v1/namespaces/north/fruits//pips",
        "/apis/fruits.example.com/v1/namespaces/north/status",
        "/apis/fruits.example.com//v1/fruits",
        "/apis",
        "/",
    ],
)
def test_a_path_nobody_declared_leads_nowhere(routes: router.Routes, path: str) -> None:
    assert find(routes, path) is None


@pytest.mark.parametrize(
    ("path", "within"),
    [
        ("fruits", None),
        ("namespaces", None),
        ("crates/c/pips", None),
        ("namespaces/north/fruits", "north"),
        ("namespaces/north/fruits/apple/pips", "north"),
        ("namespaces/north", "north"),
        ("namespaces/north/pips", "north"),
        ("namespaces//namespaces/north", None),
    ],
)
def test_an_answer_reaches_as_far_as_its_request_was_authorized(
    routes: router.Routes, path: str, within: str | None
) -> None:
    asked = request_info.parse("GET", path=f"/apis/{fruits.GROUP_VERSION}/{path}")
    route = routes.find(asked)
    assert route is not None
    assert (route.within, route.is_of_all) == (within, False)
    assert route.within == (asked.namespace or None)


def test_a_resource_declared_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fruits\.example\.com/v1/fruits is declared twice"):
        router.Routes([FRUITS, FRUITS])


def test_two_resources_of_one_kind_are_refused_because_kubectl_would_confuse_them() -> None:
    fruit, crate, *_ = FRUITS.resources
    alike = dataclasses.replace(FRUITS, resources=(fruit, dataclasses.replace(crate, kind="Fruit")))
    with pytest.raises(ValueError, match=r"fruits and crates of .* both declare kind Fruit"):
        router.Routes([alike])
