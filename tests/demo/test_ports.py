import os
import re
import socket
from collections.abc import Iterator

import pytest

from demo import faults, ports

HOST = "127.29.1.1"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_with_its_holder_and_an_advice(taken: int) -> None:
    with pytest.raises(faults.DemoError) as reply:
        ports.demand_free([(HOST, taken)], advice="give another --api-port")
    assert str(reply.value).startswith(f"{HOST}:{taken} is taken by ")
    assert str(reply.value).endswith(f"(pid {os.getpid()}); give another --api-port")


def test_the_same_port_of_another_address_is_free(taken: int) -> None:
    ports.demand_free([("127.29.1.2", taken)], advice="")


def test_a_port_nobody_listens_on_has_no_holder(taken: int) -> None:
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        assert ports.holder(bound.getsockname()[1]) == ""


def test_an_address_of_another_machine_is_refused_in_words() -> None:
    with pytest.raises(faults.DemoError, match=re.escape("cannot listen on 192.0.2.1:8000")):
        ports.demand_free([("192.0.2.1", 8000)], advice="")
