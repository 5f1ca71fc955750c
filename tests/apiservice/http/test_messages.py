import dataclasses

from apiservice.authn import authenticator
from apiservice.http import messages
from tests.apiservice import asking


def test_a_request_without_identity_is_the_same_request_of_nobody() -> None:
    sent = {"Authorization": "Bearer x", "X-REMOTE-user": "root", "Accept": "text/plain"}
    incoming = dataclasses.replace(asking.incoming("/apis?a=b", headers=sent), certificates=(b"der",))
    bare = messages.without_identity(incoming, identifies=authenticator.identifies)
    assert dict(bare.headers) == {"Accept": "text/plain"}
    assert bare.certificates == ()
    assert (bare.method, bare.path, bare.query) == (incoming.method, incoming.path, incoming.query)
