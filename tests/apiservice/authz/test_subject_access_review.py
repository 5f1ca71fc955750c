import asyncio
from typing import Any

import pytest
from aiohttp import web

from apiservice.authn import authenticator
from apiservice.authz import authorizer, subject_access_review
from apiservice.http import errors
from apiservice.kube import client
from apiservice.request import request_info
from tests.apiservice import asking, cluster

SUE = authenticator.User(name="sue", uid="42", groups=("dev", "ops"), extra={"scopes": ("a", "b")})
G = "/apis/g/v1"


def attributes(url: str, *, method: str = "GET") -> request_info.Attributes:
    asked = asking.incoming(url, method=method)
    return request_info.with_query(request_info.parse(asked.method, path=asked.path), query=asked.query)


@pytest.fixture
def reviews(kube_api: client.KubeApi) -> subject_access_review.SubjectAccessReviewAuthorizer:
    return subject_access_review.SubjectAccessReviewAuthorizer(kube_api)


def wanted(kube: cluster.Cluster) -> dict[str, Any]:
    """Return the resource attributes of the latest review, without empty values."""
    found: dict[str, Any] = kube.asked[-1][1]["spec"].get("resourceAttributes", {})
    return {key: value for key, value in found.items() if value}


async def test_everything_of_the_user_is_told(
    kube: cluster.Cluster, reviews: subject_access_review.SubjectAccessReviewAuthorizer
) -> None:
    await reviews.authorize(SUE, attributes=attributes(f"{G}/namespaces/ns/pods/x/edges"))
    ((path, review),) = kube.asked
    assert path == cluster.ACCESS_REVIEWS
    assert (review["apiVersion"], review["kind"]) == ("authorization.k8s.io/v1", "SubjectAccessReview")
    assert review["spec"] == {
        "user": "sue",
        "uid": "42",
        "groups": ["dev", "ops"],
        "extra": {"scopes": ["a", "b"]},
        "resourceAttributes": {
            "namespace": "ns",
            "verb": "get",
            "group": "g",
            "version": "v1",
            "resource": "pods",
            "subresource": "edges",
            "name": "x",
        },
    }


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_path_is_asked_about_as_a_path(
    kube: cluster.Cluster, reviews: subject_access_review.SubjectAccessReviewAuthorizer, method: str
) -> None:
    await reviews.authorize(SUE, attributes=attributes("/metrics", method=method))
    spec = kube.asked[0][1]["spec"]
    assert spec["nonResourceAttributes"] == {"path": "/metrics", "verb": method.lower()}
    assert "resourceAttributes" not in spec


@pytest.mark.parametrize("verb", ["list", "watch"])
async def test_what_a_list_is_restricted_to_is_told(
    kube: cluster.Cluster, reviews: subject_access_review.SubjectAccessReviewAuthorizer, verb: str
) -> None:
    selected = (
        f"{G}/namespaces/ns/pods?watch={int(verb == 'watch')}"
        "&labelSelector=a,!b,c in (y,x),d!=z,e>1&fieldSelector=metadata.name=x,spec.node!=n"
    )
    await reviews.authorize(SUE, attributes=attributes(selected))
    assert wanted(kube) == {
        "namespace": "ns",
        "verb": verb,
        "group": "g",
        "version": "v1",
        "resource": "pods",
        "name": "x",
        "labelSelector": {
            "requirements": [
                {"key": "a", "operator": "Exists", "values": []},
                {"key": "b", "operator": "DoesNotExist", "values": []},
                {"key": "c", "operator": "In", "values": ["x", "y"]},
                {"key": "d", "operator": "NotIn", "values": ["z"]},
            ]
        },
        "fieldSelector": {
            "requirements": [
                {"key": "metadata.name", "operator": "In", "values": ["x"]},
                {"key": "spec.node", "operator": "NotIn", "values": ["n"]},
            ]
        },
    }


@pytest.mark.parametrize(
    "url",
    [
        f"{G}/pods?labelSelector=((&fieldSelector=nonsense",
        f"{G}/pods",
        f"{G}/pods/x?labelSelector=a&fieldSelector=a=b",
    ],
)
async def test_where_nothing_is_selected_or_nothing_understood_the_whole_is_asked_about(
    kube: cluster.Cluster, reviews: subject_access_review.SubjectAccessReviewAuthorizer, url: str
) -> None:
    await reviews.authorize(SUE, attributes=attributes(url))
    assert not wanted(kube).keys() & {"labelSelector", "fieldSelector"}


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        ({"allowed": True}, authorizer.Decision(allowed=True)),
        ({"allowed": True, "reason": "role"}, authorizer.Decision(allowed=True, reason="role")),
        ({"allowed": False, "reason": "no"}, authorizer.Decision(allowed=False, reason="no")),
        ({"allowed": False, "denied": True}, authorizer.Decision(allowed=False)),
        ({"allowed": True, "denied": True}, authorizer.Decision(allowed=False)),
        ({"allowed": False, "evaluationError": "x"}, authorizer.Decision(allowed=False)),
    ],
)
async def test_the_answer_is_the_decision(
    kube: cluster.Cluster,
    reviews: subject_access_review.SubjectAccessReviewAuthorizer,
    status: dict[str, Any],
    decision: authorizer.Decision,
) -> None:
    kube.may = lambda spec: status
    assert await reviews.authorize(SUE, attributes=attributes("/x")) == decision


@pytest.mark.parametrize("allowed", [True, False])
async def test_decisions_are_remembered_for_ten_seconds(
    kube: cluster.Cluster, kube_api: client.KubeApi, allowed: bool
) -> None:
    now = [0.0]
    reviews = subject_access_review.SubjectAccessReviewAuthorizer(kube_api, clock=lambda: now[0])
    kube.may = lambda spec: {"allowed": allowed}
    for now[0] in (0.0, 9.9):
        assert (await reviews.authorize(SUE, attributes=attributes("/x"))).allowed is allowed
    assert len(kube.asked) == 1
    kube.may = lambda spec: {"allowed": not allowed}
    now[0] = 10.0
    assert (await reviews.authorize(SUE, attributes=attributes("/x"))).allowed is not allowed


async def test_whatever_differs_is_asked_about_again(
    kube: cluster.Cluster, reviews: subject_access_review.SubjectAccessReviewAuthorizer
) -> None:
    urls = (f"{G}/pods", f"{G}/pods/x", f"{G}/pods?labelSelector=a", f"{G}/namespaces/ns/pods", "/x", "/y")
    users = (
        SUE,
        authenticator.User(name="bob"),
        authenticator.User(name="bob", groups=("a", "b")),
        authenticator.User(name="bob", groups=("a,b",)),
        authenticator.User(name="bob", uid="1"),
        authenticator.User(name="bob", extra={"a": ("b",)}),
    )
    for _ in range(2):
        for url in urls:
            for user in users:
                await reviews.authorize(user, attributes=attributes(url))
    assert len(kube.asked) == len(urls) * len(users)


async def test_no_more_decisions_are_kept_than_allowed(
    kube: cluster.Cluster, kube_api: client.KubeApi
) -> None:
    reviews = subject_access_review.SubjectAccessReviewAuthorizer(kube_api, most=2, clock=lambda: 0.0)
    for path in ("/a", "/b", "/c", "/a"):
        await reviews.authorize(SUE, attributes=attributes(path))
    assert len(kube.asked) == 4


async def test_the_same_question_of_many_at_once_is_asked_once(
    kube: cluster.Cluster, reviews: subject_access_review.SubjectAccessReviewAuthorizer
) -> None:
    kube.hold = asyncio.Event()
    deciding = [asyncio.ensure_future(reviews.authorize(SUE, attributes=attributes("/x"))) for _ in range(10)]
    await cluster.until(lambda: bool(kube.asked), what="asked")
    kube.hold.set()
    assert all(decision.allowed for decision in await asyncio.gather(*deciding))
    assert len(kube.asked) == 1


@pytest.mark.parametrize("answer", [{}, {"status": 1}, {"status": {}}, {"status": {"allowed": "true"}}])
async def test_an_answer_that_makes_no_sense_allows_nothing(
    kube: cluster.Cluster,
    reviews: subject_access_review.SubjectAccessReviewAuthorizer,
    answer: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    kube.faults = [web.json_response(answer)]
    with pytest.raises(errors.InternalError, match="could not be checked"):
        await reviews.authorize(SUE, attributes=attributes("/x"))
    assert "no request can be authorized" in caplog.text


async def test_who_may_not_ask_is_told_the_command_that_allows_it(
    kube: cluster.Cluster,
    reviews: subject_access_review.SubjectAccessReviewAuthorizer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kube.faults = [cluster.refusal(403, cluster.WHO)]
    with pytest.raises(errors.InternalError):
        await reviews.authorize(SUE, attributes=attributes("/x"))
    assert "kubectl create clusterrolebinding traffic-auth-delegator" in caplog.text


async def test_while_the_kube_apiserver_is_away_masters_may_and_nobody_else() -> None:
    async with cluster.serve() as gone:
        pass
    async with cluster.ask(gone) as api:
        both = authorizer.AuthorizerChain(
            authorizers=(
                authorizer.GroupAuthorizer(),
                subject_access_review.SubjectAccessReviewAuthorizer(api),
            )
        )
        aggregator = authenticator.User(name="system:kube-aggregator", groups=("system:masters",))
        assert (await both.authorize(aggregator, attributes=attributes("/apis/g/v1"))).allowed
        with pytest.raises(errors.InternalError) as refused:
            await both.authorize(SUE, attributes=attributes("/apis/g/v1"))
    assert gone.url not in refused.value.message
