"""The identity of a request: as many headers as a kube-apiserver sends, and no header that gives the sender
another identity.
"""

import dataclasses
import time
from collections.abc import Sequence

import multidict
import pytest

from apiservice.authn import authenticator, chain, request_header
from apiservice.authz import authorizer
from apiservice.http import messages
from apiservice.request import request_info
from apiservice.x509 import verify
from tests.apiservice import asking, pki

CA = pki.authority("front-proxy-ca")
PROXY = CA.issue("front-proxy-client")
FRUITS = "/apis/fruits.example.com/v1/namespaces/north/fruits"
SUE = ("X-Remote-User", "sue")


@dataclasses.dataclass(slots=True)
class Witness:
    """Allows everything except the named rights, and records user and request."""

    denies: frozenset[str] = frozenset()
    seen: list[tuple[authenticator.User, request_info.Attributes]] = dataclasses.field(default_factory=list)

    async def authorize(
        self, user: authenticator.User, *, attributes: request_info.Attributes
    ) -> authorizer.Decision:
        self.seen.append((user, attributes))
        denied = attributes.verb == authorizer.IMPERSONATE and attributes.name in self.denies
        return authorizer.Decision(allowed=not denied, reason="no role" if denied else "")

    @property
    def wishes(self) -> list[tuple[str, str, str, str, str]]:
        """Return the rights needed to impersonate: group, resource, subresource, namespace and name."""
        return [
            (one.group, one.resource, one.subresource, one.namespace, one.name)
            for _, one in self.seen
            if one.verb == authorizer.IMPERSONATE
        ]


@dataclasses.dataclass(slots=True)
class Door:
    """The toy API behind the front proxy."""

    witness: Witness = dataclasses.field(default_factory=Witness)
    toy: asking.Toy = dataclasses.field(default_factory=asking.Toy)

    async def enter(self, *headers: tuple[str, str], path: str = FRUITS) -> asking.Reply:
        settings = request_header.FrontProxy(
            authorities=verify.Authorities(CA.pem), uid_headers=("X-Remote-Uid",)
        )
        proxy = request_header.FrontProxyAuthenticator(lambda: settings, clock=lambda: pki.NOW)
        api = dataclasses.replace(
            self.toy.api,
            authenticator=chain.AuthenticatorChain(authenticators=[proxy], anonymous=False),
            authorizer=self.witness,
        )
        return asking.Reply(await api.answer(_presented(headers, path=path)))

    @property
    def user(self) -> authenticator.User:
        """Return the user that was served."""
        return self.toy.orchard.asked[-1].user


def _presented(headers: Sequence[tuple[str, str]], *, path: str) -> messages.Incoming:
    return dataclasses.replace(
        asking.incoming(path),
        headers=multidict.CIMultiDictProxy(multidict.CIMultiDict(headers)),
        certificates=(PROXY.der,),
    )


async def test_who_is_in_1500_groups_is_let_in_as_a_member_of_all_of_them() -> None:
    door, groups = Door(), [f"team-{number}" for number in range(1500)]
    extra = [("X-Remote-Extra-Scopes", f"scope-{number}") for number in range(400)]
    reply = await door.enter(SUE, *(("X-Remote-Group", name) for name in groups), *extra)
    assert reply.status == 200
    assert door.user.groups == (*groups, authenticator.AUTHENTICATED)
    assert len(door.user.extra["scopes"]) == 400
    assert door.witness.seen[0][0] == door.user


async def test_four_times_the_headers_take_about_four_times_as_long() -> None:
    few, many = [await _seconds(number) for number in (4_000, 16_000)]
    assert many < 8 * few


async def _seconds(number: int) -> float:
    """Return the shortest of several runs, in seconds of processor time."""
    sent = [SUE, *(("X-Remote-Extra-Scopes", f"{n}") for n in range(number))]
    sent += [("X-Remote-Group", f"{n}") for n in range(number)]
    incoming = _presented(sent, path=FRUITS)
    tries = []
    for _ in range(4):
        door = Door()
        began = time.process_time()
        await door.enter(*incoming.headers.items())
        tries.append(time.process_time() - began)
    return min(tries)


async def test_whoever_may_acts_as_somebody_else_and_each_thing_is_asked_for() -> None:
    door = Door()
    reply = await door.enter(
        SUE,
        ("Impersonate-User", "ann"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Uid", "42"),
        ("Impersonate-Extra-Example.com%2fRoles", "reader"),
        ("impersonate-extra-example.com%2froles", "writer"),
    )
    assert reply.status == 200
    assert door.witness.wishes == [
        ("", "users", "", "", "ann"),
        ("", "groups", "", "", "dev"),
        ("", "groups", "", "", "ops"),
        ("authentication.k8s.io", "userextras", "example.com/roles", "", "reader"),
        ("authentication.k8s.io", "userextras", "example.com/roles", "", "writer"),
        ("authentication.k8s.io", "uids", "", "", "42"),
    ]
    assert {user.name for user, one in door.witness.seen if one.verb == "impersonate"} == {"sue"}
    assert door.user == authenticator.User(
        name="ann",
        groups=("dev", "ops", authenticator.AUTHENTICATED),
        uid="42",
        extra={"example.com/roles": ("reader", "writer")},
    )
    assert door.witness.seen[-1][0] == door.user


@pytest.mark.parametrize(
    ("name", "given", "asked", "groups"),
    [
        (
            "system:serviceaccount:shop:cart",
            (),
            ("", "serviceaccounts", "", "shop", "cart"),
            ("system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"),
        ),
        (
            "system:serviceaccount:shop:cart",
            ("dev",),
            ("", "serviceaccounts", "", "shop", "cart"),
            ("dev", "system:authenticated"),
        ),
        (
            "system:serviceaccount:shop",
            (),
            ("", "users", "", "", "system:serviceaccount:shop"),
            ("system:authenticated",),
        ),
        ("system:anonymous", (), ("", "users", "", "", "system:anonymous"), ("system:unauthenticated",)),
        (
            "ann",
            ("system:unauthenticated",),
            ("", "users", "", "", "ann"),
            ("system:unauthenticated",),
        ),
    ],
)
async def test_the_named_user_is_in_the_groups_that_a_kube_apiserver_would_give(
    name: str, given: tuple[str, ...], asked: tuple[str, str, str, str, str], groups: tuple[str, ...]
) -> None:
    door = Door()
    await door.enter(SUE, ("Impersonate-User", name), *(("Impersonate-Group", one) for one in given))
    assert door.witness.wishes[0] == asked
    assert (door.user.name, door.user.groups) == (name, groups)


@pytest.mark.parametrize("denied", ["ann", "system:masters", "root", "42"])
async def test_who_may_not_be_one_part_of_somebody_is_refused_and_nothing_is_read(denied: str) -> None:
    door = Door(witness=Witness(denies=frozenset({denied})))
    reply = await door.enter(
        SUE,
        ("Impersonate-User", "ann"),
        ("Impersonate-Group", "system:masters"),
        ("Impersonate-Extra-Is", "root"),
        ("Impersonate-Uid", "42"),
    )
    assert reply.status == 403
    assert f'"{denied}" is forbidden: User "sue" cannot impersonate resource' in reply.message
    assert door.toy.orchard.asked == []


@pytest.mark.parametrize(
    "alone", [("Impersonate-Group", "dev"), ("Impersonate-Uid", "1"), ("impersonate-extra-a", "b")]
)
async def test_what_a_user_is_like_needs_a_user(alone: tuple[str, str]) -> None:
    door = Door()
    reply = await door.enter(SUE, alone)
    assert (reply.status, door.toy.orchard.asked) == (400, [])
    assert "need Impersonate-User beside them" in reply.message


async def test_an_empty_name_is_none_and_bytes_that_are_no_text_are_nobodys() -> None:
    door = Door()
    assert (await door.enter(SUE, ("Impersonate-User", ""))).status == 200
    assert door.user.name == "sue"
    assert (await door.enter(SUE, ("Impersonate-User", "ann\udcff"))).status == 400
    assert (await door.enter(("Impersonate-User", "ann"))).status == 401


async def test_a_server_of_its_own_refuses_to_act_as_somebody_else() -> None:
    toy = asking.Toy()
    toy.api = dataclasses.replace(
        toy.api, authorizer=authorizer.AsThemselves(authorizer=authorizer.GroupAuthorizer())
    )
    reply = await toy.ask(FRUITS, **{"Impersonate-User": "ann"})
    assert reply.status == 403
    assert "this server knows no users but those of its tokens" in reply.message
    assert toy.orchard.asked == []
    assert (await toy.ask(FRUITS)).status == 200
