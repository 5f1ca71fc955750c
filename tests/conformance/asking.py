"""Plain HTTP requests: no redirect is followed, no body is decompressed, no path is normalized."""

import dataclasses
import email.message
import http.client
import json
import ssl
import urllib.parse
from typing import Any

from tests.conformance import subject

_PATIENCE = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: email.message.Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").replace(" ", "")

    def listed(self, header: str) -> set[str]:
        """The elements of a header that is a list, in lower case."""
        values = self.headers.get_all(header, [])
        return {element.strip().lower() for value in values for element in value.split(",")}

    def refusal(self, code: int) -> dict[str, Any]:
        """The `Status` of this answer."""
        assert self.status == code, f"{self.status} instead of {code}: {self.body[:300]!r}"
        reply: dict[str, Any] = self.json
        assert (reply["kind"], reply["apiVersion"], reply["status"]) == ("Status", "v1", "Failure"), reply
        assert reply["code"] == code
        return reply


def ask(
    whom: subject.Subject,
    path: str,
    *,
    method: str = "GET",
    credential: subject.Credential | None = None,
    accept: str = "",
    **query: str,
) -> Reply:
    """`path` is sent unchanged; the default credential is the administrator's."""
    presented = whom.credential if credential is None else credential
    place = urllib.parse.urlsplit(whom.url)
    connection = http.client.HTTPSConnection(
        place.netloc, timeout=_PATIENCE, context=_tls(whom, presented=presented)
    )
    target = f"{path}{'&' if '?' in path else '?'}{urllib.parse.urlencode(query)}" if query else path
    headers = {**presented.headers, **({"Accept": accept} if accept else {})}
    try:
        connection.request(method, target, headers=headers)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


def _tls(whom: subject.Subject, *, presented: subject.Credential) -> ssl.SSLContext:
    """The certificate names a Service, whose address the tests do not use: only its authority is checked."""
    context = ssl.create_default_context(cafile=str(whom.authority))
    context.check_hostname = False
    if presented.certificate is not None:
        context.load_cert_chain(presented.certificate, presented.key)
    return context
