import dataclasses

import pytest

from apiservice.authn import authenticator
from apiservice.authz import authorizer as authz_authorizer
from apiservice.request import request_info
from tests.apiservice import asking

SUE = authenticator.User(name="sue", groups=("dev",))


def attributes(url: str, *, method: str = "GET") -> request_info.Attributes:
    asked = asking.incoming(url, method=method)
    return request_info.with_query(request_info.parse(asked.method, path=asked.path), query=asked.query)


@pytest.mark.parametrize(
    ("user", "allowed"), [(asking.ADMIN, True), (SUE, False), (authenticator.User(name="x"), False)]
)
async def test_members_of_the_groups_may_and_others_may_not(user: authenticator.User, allowed: bool) -> None:
    decision = await authz_authorizer.GroupAuthorizer().authorize(user, attributes=attributes("/apis"))
    assert decision.allowed is allowed


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "/apis/g/v1/namespaces/ns/pods/x/edges",
            'pods.g "x" is forbidden: User "sue" cannot get resource "pods/edges" in API group "g" '
            'in the namespace "ns"',
        ),
        (
            "/apis/g/v1/pods",
            'pods.g is forbidden: User "sue" cannot list resource "pods" in API group "g" '
            "at the cluster scope",
        ),
        ("/metrics", 'forbidden: User "sue" cannot get path "/metrics"'),
    ],
)
def test_a_refusal_has_the_words_of_kubernetes(url: str, message: str) -> None:
    decision = authz_authorizer.Decision(allowed=False)
    assert authz_authorizer.refusal(SUE, attributes=attributes(url), decision=decision).message == message


def test_a_refusal_gives_the_reason_and_cannot_be_taken_for_markup() -> None:
    refused = authz_authorizer.refusal(
        authenticator.User(name="<b>&"),
        attributes=attributes("/x"),
        decision=authz_authorizer.Decision(allowed=False, reason="no role"),
    )
    assert refused.message == 'forbidden: User "&lt;b&gt;&amp;" cannot get path "/x": no role'


def test_a_refusal_of_an_object_says_which_in_its_details() -> None:
    refused = authz_authorizer.refusal(
        SUE, attributes=attributes("/apis/g/v1/pods/x"), decision=authz_authorizer.Decision(allowed=False)
    )
    assert refused.details == {"name": "x", "group": "g", "kind": "pods"}


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("/healthz", True),
        ("/healthz/ping", False),
        ("/livez/ping", True),
        ("/livez", False),
        ("/", False),
        ("/apis/g/v1/healthz", False),
    ],
)
async def test_everybody_may_ask_for_some_paths(url: str, allowed: bool) -> None:
    authorizer = authz_authorizer.PathAuthorizer(paths=frozenset({"/healthz", "/livez/*"}))
    assert (await authorizer.authorize(SUE, attributes=attributes(url))).allowed is allowed


async def test_a_resource_is_never_an_always_allowed_path() -> None:
    authorizer = authz_authorizer.PathAuthorizer(paths=frozenset({"/*"}))
    assert (await authorizer.authorize(SUE, attributes=attributes("/apis/g/v1"))).allowed
    assert not (await authorizer.authorize(SUE, attributes=attributes("/apis/g/v1/pods"))).allowed


@pytest.mark.parametrize("path", ["", "healthz", "*", "/a*b", "/**"])
def test_a_path_nobody_can_mean_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="must begin with /"):
        authz_authorizer.PathAuthorizer(paths=frozenset({path}))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    decision: authz_authorizer.Decision

    async def authorize(
        self, user: authenticator.User, *, attributes: request_info.Attributes
    ) -> authz_authorizer.Decision:
        return self.decision


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ((), authz_authorizer.Decision(allowed=False)),
        (
            (authz_authorizer.Decision(allowed=True, reason="a"), authz_authorizer.Decision(allowed=False)),
            authz_authorizer.Decision(allowed=True, reason="a"),
        ),
        (
            (authz_authorizer.Decision(allowed=False, reason="a"), authz_authorizer.Decision(allowed=True)),
            authz_authorizer.Decision(allowed=True),
        ),
        (
            tuple(authz_authorizer.Decision(allowed=False, reason=reason) for reason in "ab"),
            authz_authorizer.Decision(allowed=False, reason="b"),
        ),
    ],
)
async def test_the_first_that_allows_decides_and_the_last_says_why_not(
    decisions: tuple[authz_authorizer.Decision, ...], expected: authz_authorizer.Decision
) -> None:
    both = authz_authorizer.AuthorizerChain(authorizers=[Fixed(decision=decision) for decision in decisions])
    assert await both.authorize(SUE, attributes=attributes("/x")) == expected
