import dataclasses

import pytest

from apiservice import authentication, authorization, requests
from tests.apiservice import asking

SUE = authentication.User(name="sue", groups=("dev",))


def attributes(url: str, *, method: str = "GET") -> requests.Attributes:
    asked = asking.incoming(url, method=method)
    return requests.parse(asked.method, path=asked.path, query=asked.query)


@pytest.mark.parametrize(
    ("user", "allowed"), [(asking.ADMIN, True), (SUE, False), (authentication.User(name="x"), False)]
)
async def test_members_of_the_groups_may_and_others_may_not(user: authentication.User, allowed: bool) -> None:
    decision = await authorization.GroupAuthorizer().authorize(user, attributes=attributes("/apis"))
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
    decision = authorization.Decision(allowed=False)
    assert authorization.refusal(SUE, attributes=attributes(url), decision=decision).message == message


def test_a_refusal_gives_the_reason_and_cannot_be_taken_for_markup() -> None:
    refused = authorization.refusal(
        authentication.User(name="<b>&"),
        attributes=attributes("/x"),
        decision=authorization.Decision(allowed=False, reason="no role"),
    )
    assert refused.message == 'forbidden: User "&lt;b&gt;&amp;" cannot get path "/x": no role'


def test_a_refusal_of_an_object_says_which_in_its_details() -> None:
    refused = authorization.refusal(
        SUE, attributes=attributes("/apis/g/v1/pods/x"), decision=authorization.Decision(allowed=False)
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
    authorizer = authorization.PathAuthorizer(paths=frozenset({"/healthz", "/livez/*"}))
    assert (await authorizer.authorize(SUE, attributes=attributes(url))).allowed is allowed


async def test_a_resource_is_never_an_always_allowed_path() -> None:
    authorizer = authorization.PathAuthorizer(paths=frozenset({"/*"}))
    assert (await authorizer.authorize(SUE, attributes=attributes("/apis/g/v1"))).allowed
    assert not (await authorizer.authorize(SUE, attributes=attributes("/apis/g/v1/pods"))).allowed


@pytest.mark.parametrize("path", ["", "healthz", "*", "/a*b", "/**"])
def test_a_path_nobody_can_mean_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="must begin with /"):
        authorization.PathAuthorizer(paths=frozenset({path}))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    decision: authorization.Decision

    async def authorize(
        self, user: authentication.User, *, attributes: requests.Attributes
    ) -> authorization.Decision:
        return self.decision


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ((), authorization.Decision(allowed=False)),
        (
            (authorization.Decision(allowed=True, reason="a"), authorization.Decision(allowed=False)),
            authorization.Decision(allowed=True, reason="a"),
        ),
        (
            (authorization.Decision(allowed=False, reason="a"), authorization.Decision(allowed=True)),
            authorization.Decision(allowed=True),
        ),
        (
            tuple(authorization.Decision(allowed=False, reason=reason) for reason in "ab"),
            authorization.Decision(allowed=False, reason="b"),
        ),
    ],
)
async def test_the_first_that_allows_decides_and_the_last_says_why_not(
    decisions: tuple[authorization.Decision, ...], expected: authorization.Decision
) -> None:
    both = authorization.Union(authorizers=[Fixed(decision=decision) for decision in decisions])
    assert await both.authorize(SUE, attributes=attributes("/x")) == expected
