"""Helpers that call the toy API in process, without a network."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import multidict
import prometheus_client
import yarl

from apiservice.authn import authenticator
from apiservice.authz import authorizer
from apiservice.http import messages
from apiservice.observe import health
from apiservice.server import handler, sockets
from tests.apiservice import fruits

TOKEN = "correct-horse"
ADMIN = authenticator.User(name="admin", groups=(authenticator.MASTERS, authenticator.AUTHENTICATED))
WITHOUT_RIGHTS = authenticator.User(name="<nobody>", groups=(authenticator.AUTHENTICATED,))

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
KUBECTL = f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"


def incoming(url: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> messages.Incoming:
    path, _, query = url.partition("?")
    parsed = yarl.URL.build(path=path, query_string=query, encoded=True)
    return messages.Incoming(
        method=method,
        path=parsed.path,
        query=parsed.query,
        headers=multidict.CIMultiDictProxy(multidict.CIMultiDict(headers or {})),
    )


@dataclasses.dataclass(slots=True)
class Toy:
    """The toy API, and the parts that it is built from."""

    orchard: fruits.Orchard = dataclasses.field(default_factory=fruits.Orchard)
    user: authenticator.User = ADMIN
    checks: health.HealthChecks = dataclasses.field(default_factory=health.HealthChecks)
    registry: prometheus_client.CollectorRegistry = dataclasses.field(
        default_factory=prometheus_client.CollectorRegistry
    )
    deadline: float = 10.0
    notices: Callable[[], Sequence[str]] = tuple
    api: handler.Handler = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.api = sockets.build(
            [fruits.group_version(self.orchard)],
            authenticator=authenticator.TokenAuthenticator(token=TOKEN, user=self.user),
            authorizer=authorizer.GroupAuthorizer(),
            checks=self.checks,
            registry=self.registry,
            clock=lambda: fruits.NOW,
            title="Fruits",
            release="1.2.3",
            deadline=self.deadline,
            notices=self.notices,
        )

    async def ask(
        self, url: str, *, method: str = "GET", token: str | None = TOKEN, accept: str = "", **headers: str
    ) -> "Reply":
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if accept:
            sent["Accept"] = accept
        return Reply(await self.api.answer(incoming(url, method=method, headers=sent)))

    async def read(self, path: str, **more: str) -> "Reply":
        """Return the reply to GET of a path below the toy's group and version."""
        return await self.ask(f"/apis/{fruits.GROUP_VERSION}/{path}", **more)


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the API, with properties that decode it."""

    answer: messages.Answer

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def json(self) -> Any:
        return json.loads(self.answer.body)

    @property
    def text(self) -> str:
        return self.answer.body.decode()

    @property
    def message(self) -> str:
        """The message of the `Status` object in the body."""
        assert self.json["kind"] == "Status", self.text
        assert self.json["code"] == self.status
        return str(self.json["message"])

    def header(self, name: str) -> str | None:
        return dict(self.answer.headers).get(name)

    @property
    def names(self) -> list[str]:
        """The names of the objects in the list."""
        return [item["metadata"]["name"] for item in self.json["items"]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The toy API on a socket."""

    toy: Toy
    bound: sockets.Bound
    authority: pathlib.Path
