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
