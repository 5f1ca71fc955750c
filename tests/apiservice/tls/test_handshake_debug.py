import hypothesis
from hypothesis import strategies

from apiservice.tls import handshake_debug


@hypothesis.given(strategies.binary(max_size=40), strategies.sampled_from((771, 772)))
def test_a_message_that_is_none_harms_nobody(message: bytes, version: int) -> None:
    found = handshake_debug.presented(message, version=version)
    assert found in message
