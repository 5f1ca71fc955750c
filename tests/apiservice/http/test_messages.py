import dataclasses

from apiservice.http import messages
from tests.apiservice import asking

_IDENTITY = {
    "Authorization": "Bearer x",
    "X-REMOTE-user": "root",
    "x-remote-extra-scopes": "all",
    "X-Speaker": "root",
    "Impersonate-User": "root",
    "impersonate-group": "dev",
    "IMPERSONATE-EXTRA-x": "y",
    "Cookie": "session=1",
}


def test_a_request_without_identity_is_the_same_request_of_nobody() -> None:
    form = {"accept": "text/plain", "If-None-Match": '"1"', "USER-AGENT": "curl/8"}
    incoming = asking.incoming("/apis?a=b", headers=_IDENTITY | form)
    bare = messages.without_identity(dataclasses.replace(incoming, certificates=(b"der",)), query={"a": "b"})
    assert dict(bare.headers) == {"Accept": "text/plain", "If-None-Match": '"1"', "User-Agent": "curl/8"}
    assert bare.certificates == ()
    assert (bare.method, bare.path, bare.query) == (incoming.method, incoming.path, {"a": "b"})


def test_a_header_is_added_before_all_others() -> None:
    answer = messages.Answer(body=b"a", status=404, content_type="text/plain", headers=[("B", "2")])
    assert answer.with_header("A", "1") == dataclasses.replace(answer, headers=(("A", "1"), ("B", "2")))
