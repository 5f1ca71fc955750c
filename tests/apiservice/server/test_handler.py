import dataclasses
import logging
import re

import pytest

from apiservice.authn import authenticator
from apiservice.http import messages
from apiservice.request import request_info
from apiservice.resources import declaration, reader, router
from tests.apiservice import asking, fruits

SINGLE = "namespaces/north/fruits"
FRUITS = f"/apis/fruits.example.com/v1/{SINGLE}"


async def test_a_namespace_of_the_core_api_is_refused_and_not_missing(toy: asking.Toy) -> None:
    reply = await toy.ask("/api/v1/namespaces/north")
    assert (reply.status, reply.message) == (400, "the core API is not served here")


@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize(
    "path", ["/apis", "/metrics", "/nope", "/apis/fruits.example.com/v1/fruits", "/openapi/v2"]
)
async def test_without_a_valid_credential_there_is_nothing_to_see(
    toy: asking.Toy, token: str | None, path: str
) -> None:
    reply = await toy.ask(path, token=token)
    assert reply.status == 401
    assert reply.header("WWW-Authenticate") == "Bearer"
    assert reply.message.startswith("Unauthorized")
    assert not toy.orchard.asked


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nope", 'forbidden: User "&lt;nobody&gt;" cannot get path "/nope"'),
        ("/metrics", 'forbidden: User "&lt;nobody&gt;" cannot get path "/metrics"'),
        (
            "/apis/fruits.example.com/v1/namespaces/north/vegetables",
            'vegetables.fruits.example.com is forbidden: User "&lt;nobody&gt;" cannot list '
            'resource "vegetables" in API group "fruits.example.com" in the namespace "north"',
        ),
    ],
)
async def test_who_may_not_look_does_not_learn_what_exists(path: str, message: str) -> None:
    reply = await asking.Toy(user=asking.WITHOUT_RIGHTS).ask(path)
    assert (reply.status, reply.message) == (403, message)


@pytest.mark.parametrize(
    "path", ["/nope", "/api", "/apis/fruits.example.com/v1/vegetables", "/apis/x/v1", "//apis"]
)
async def test_who_may_look_learns_that_there_is_nothing(toy: asking.Toy, path: str) -> None:
    reply = await toy.ask(path)
    assert (reply.status, reply.message) == (404, "the server could not find the requested resource")


async def test_a_defect_is_a_500_that_tells_nothing_but_where_to_look(
    toy: asking.Toy, caplog: pytest.LogCaptureFixture
) -> None:
    reply = await toy.read(f"{SINGLE}/rotten", Audit_Id="worm-1")
    assert reply.status == 500
    assert reply.message == "internal error: the server's log has the cause under audit id worm-1"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "worm-1" in record.getMessage()
    assert "worm in the password" in str(record.exc_info)
    assert (await toy.read(f"{SINGLE}/apple")).status == 200


async def test_a_provider_that_hangs_is_given_up_at_the_deadline() -> None:
    toy = asking.Toy(deadline=0.02)
    reply = await toy.read(f"{SINGLE}/slow")
    assert toy.orchard.hanging.is_set()
    assert (reply.status, reply.message) == (504, "the request was not answered within 0.02 seconds")


async def test_a_client_can_give_up_earlier(toy: asking.Toy) -> None:
    reply = await toy.read(f"{SINGLE}/slow?timeout=20ms")
    assert (reply.status, reply.message) == (504, "the request was not answered within 0.02 seconds")


async def test_a_backend_that_is_away_is_said_as_the_provider_said_it(toy: asking.Toy) -> None:
    reply = await toy.read(f"{SINGLE}/away")
    assert (reply.status, reply.message) == (503, "the orchard is closed")
    assert reply.json["reason"] == "ServiceUnavailable"


async def test_an_audit_id_is_echoed(toy: asking.Toy) -> None:
    assert (await toy.read("fruits", Audit_Id="abc-1")).header("Audit-Id") == "abc-1"


@pytest.mark.parametrize("sent", ["", "x" * 65, 'a" user="root', "a b"])
async def test_without_a_proper_audit_id_the_request_gets_a_new_one(toy: asking.Toy, sent: str) -> None:
    first, second = [(await toy.read("fruits", Audit_Id=sent)).header("Audit-Id") for _ in range(2)]
    assert re.fullmatch(r"[0-9a-f-]{36}", first or "")
    assert first != second


async def test_head_is_answered_as_get(toy: asking.Toy) -> None:
    url = "/apis/fruits.example.com/v1/fruits"
    assert (await toy.ask(url, method="HEAD")).answer.body == (await toy.ask(url)).answer.body


def accesses(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines of the access log, without the duration of the requests."""
    return [
        re.sub(r" ms=\d+\.\d ", " ", one.message) for one in caplog.records if one.name == "apiservice.access"
    ]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (
            f"{FRUITS}/apple?limit=7",
            "verb=get resource=fruits.fruits.example.com namespace=north name=apple status=200",
        ),
        (
            f"{FRUITS}/apple/pips",
            "verb=get resource=fruits.fruits.example.com/pips namespace=north name=apple status=200",
        ),
        (FRUITS, "verb=list resource=fruits.fruits.example.com namespace=north status=200"),
        ("/apis/fruits.example.com/v1/fruits", "verb=list resource=fruits.fruits.example.com status=200"),
        ("/apis?timeout=5s", "verb=get path=/apis status=200"),
        ("/nope", "verb=get path=/nope status=404"),
    ],
)
async def test_each_request_is_a_line_in_the_access_log(
    toy: asking.Toy, caplog: pytest.LogCaptureFixture, path: str, line: str
) -> None:
    caplog.set_level(logging.INFO, logger="apiservice.access")
    await toy.ask(path, Audit_Id="abc")
    assert accesses(caplog) == [f"user=admin {line} audit=abc"]


async def test_a_stranger_is_a_line_without_a_user(toy: asking.Toy, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="apiservice.access")
    await toy.ask(FRUITS, token=None, Audit_Id="abc")
    assert accesses(caplog) == [
        "verb=list resource=fruits.fruits.example.com namespace=north status=401 audit=abc"
    ]


async def test_health_checks_are_logged_when_they_fail(
    toy: asking.Toy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="apiservice.access")
    await toy.ask("/readyz")
    assert accesses(caplog) == []
    toy.checks.stop()
    await toy.ask("/readyz", token=None, Audit_Id="abc")
    assert accesses(caplog) == ["verb=get path=/readyz status=500 audit=abc"]


async def test_a_path_cannot_forge_the_access_log(toy: asking.Toy, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="apiservice.access")
    await toy.ask("/x%0Averb=get%20user=%22root%22", token=None, Audit_Id="abc")
    assert accesses(caplog) == [r'verb=get path="/x\nverb=get user=\"root\"" status=401 audit=abc']


async def test_no_credential_reaches_the_log(toy: asking.Toy, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for path in ("/apis", "/nope", "/apis/fruits.example.com/v1/namespaces/north/fruits/rotten"):
        await toy.ask(path)
    assert caplog.messages
    assert asking.TOKEN not in caplog.text


async def test_a_user_without_any_group_may_do_nothing() -> None:
    toy = asking.Toy(user=authenticator.User(name="x"))
    assert (await toy.read("fruits")).status == 403


class Witness(reader.Reader):
    """A reader that records its requests."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: fruits.NOW)
        self.seen: list[messages.Incoming] = []

    async def read(
        self,
        incoming: messages.Incoming,
        *,
        route: router.Route,
        attributes: request_info.Attributes,
        user: authenticator.User,
        everywhere: declaration.Everywhere,
    ) -> messages.Answer:
        self.seen.append(incoming)
        return await super().read(
            incoming, route=route, attributes=attributes, user=user, everywhere=everywhere
        )


async def test_nobody_behind_the_authenticators_sees_who_is_asking(toy: asking.Toy) -> None:
    witness = Witness()
    api = dataclasses.replace(toy.api, reader=witness)
    sent = {"Authorization": f"Bearer {asking.TOKEN}", "X-Speaker": "root", "Accept": "application/json"}
    incoming = asking.incoming(f"/apis/{fruits.GROUP_VERSION}/{SINGLE}", headers=sent)
    answer = await api.answer(dataclasses.replace(incoming, certificates=(b"der",)))
    assert answer.status == 200
    (seen,) = witness.seen
    assert dict(seen.headers) == {"Accept": "application/json"}
    assert seen.certificates == ()
