import asyncio
import contextlib
import gzip
import logging
import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
import yarl

from apiservice.server import sockets
from apiservice.tls import self_signed
from tests.apiservice import asking, fruits

FRUITS = f"/apis/{fruits.GROUP_VERSION}/namespaces/north/fruits"
PATIENCE = 10.0
"""Seconds until a test gives up waiting."""


@pytest.fixture
async def client(served: asking.Served) -> AsyncIterator[aiohttp.ClientSession]:
    async with session(served) as opened:
        yield opened


@contextlib.asynccontextmanager
async def session(served: asking.Served) -> AsyncIterator[aiohttp.ClientSession]:
    trust = ssl.create_default_context(cafile=served.authority)
    async with aiohttp.ClientSession(
        served.bound.url,
        connector=aiohttp.TCPConnector(ssl=trust),
        headers={"Authorization": f"Bearer {asking.TOKEN}", "User-Agent": "test"},
        auto_decompress=False,
        max_field_size=1 << 20,
    ) as opened:
        yield opened


async def test_an_answer_has_the_headers_every_answer_has(client: aiohttp.ClientSession) -> None:
    async with client.get(f"{FRUITS}/apple", headers={"Audit-ID": "abc"}) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert response.headers["Cache-Control"] == "no-cache, private"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Audit-Id"] == "abc"
        assert "Retry-After" not in response.headers
        assert "Server" not in response.headers
        assert (await response.json())["metadata"]["name"] == "apple"


async def test_a_document_keeps_its_own_cache_control(client: aiohttp.ClientSession) -> None:
    async with client.get("/apis") as response:
        assert response.headers["Cache-Control"] == "public"
    async with client.get("/apis", headers={"If-None-Match": response.headers["ETag"]}) as again:
        assert (again.status, await again.read()) == (304, b"")


async def test_a_refusal_is_a_status_on_the_wire(client: aiohttp.ClientSession) -> None:
    async with client.get(FRUITS, headers={"Authorization": "Bearer wrong"}) as response:
        assert (response.status, response.content_type) == (401, "application/json")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert (await response.json())["kind"] == "Status"


async def test_head_has_the_length_of_the_body_and_no_body(client: aiohttp.ClientSession) -> None:
    async with client.get(FRUITS) as response:
        length = len(await response.read())
    async with client.head(FRUITS) as response:
        assert (response.status, response.headers["Content-Length"]) == (200, str(length))
        assert await response.read() == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_with_a_body_is_refused(client: aiohttp.ClientSession, method: str) -> None:
    async with client.request(method, f"{FRUITS}/apple", data=b"x" * 4096) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD"


async def test_a_long_selector_and_a_long_header_are_taken(
    client: aiohttp.ClientSession, served: asking.Served
) -> None:
    values = ",".join(f"pod-{number:06}" for number in range(10_000))
    query = {"labelSelector": f"sort in (pome,{values})"}
    async with client.get(FRUITS, params=query, headers={"X-Long": "x" * 50_000}) as response:
        assert response.status == 200
        assert [item["metadata"]["name"] for item in (await response.json())["items"]] == ["apple"]
    (query_told,) = served.toy.orchard.asked
    assert len(query_told.labels.requirements[0].values) == 10_001


@pytest.mark.parametrize(
    "path",
    [
        "/apis/fruits.example.com/v1/namespaces%2Fnorth%2Ffruits",
        "/apis/fruits.example.com/v1/namespaces/north/fruits/",
    ],
)
async def test_the_path_that_is_authorized_is_the_path_that_is_served(
    client: aiohttp.ClientSession, served: asking.Served, path: str
) -> None:
    url = yarl.URL(served.bound.url + path, encoded=True)
    async with client.get(url) as response:
        assert response.status == 200
    assert [(query.namespace, query.name) for query in served.toy.orchard.asked] == [("north", None)]


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
async def test_a_large_answer_is_compressed_for_those_who_accept_it(
    client: aiohttp.ClientSession, served: asking.Served, accepted: str
) -> None:
    served.toy.orchard.rows = [fruits.fruit(f"fruit-{number:05}") for number in range(2_000)]
    async with client.get(FRUITS, headers={"Accept-Encoding": accepted}) as response:
        body = await response.read()
        assert response.headers["Vary"] == "Accept-Encoding"
        assert response.headers.get("Content-Encoding") == ("gzip" if accepted == "gzip" else None)
    whole = gzip.decompress(body) if accepted == "gzip" else body
    assert whole.count(b'"kind":"Fruit"') == 2_000


async def test_a_small_answer_is_not_compressed(client: aiohttp.ClientSession) -> None:
    async with client.get(FRUITS, headers={"Accept-Encoding": "gzip"}) as response:
        assert "Content-Encoding" not in response.headers


async def test_a_client_that_leaves_is_not_worth_a_word(
    served: asking.Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    orchard = served.toy.orchard
    trust = ssl.create_default_context(cafile=served.authority)
    _, writer = await asyncio.open_connection("127.0.0.1", served.bound.port, ssl=trust)
    head = (
        f"GET {FRUITS}/slow?timeout=200ms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {asking.TOKEN}\r\n\r\n"
    )
    writer.write(head.encode())
    await asyncio.wait_for(orchard.hanging.wait(), PATIENCE)
    writer.transport.abort()
    await asyncio.wait_for(orchard.given_up.wait(), PATIENCE)
    async with session(served) as client, client.get(f"{FRUITS}/apple") as response:
        assert response.status == 200
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00nonsense\r\n\r\n", b"400 Bad Request"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * (1 << 21), b"431 Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2_100 + b"\r\n", b"431 Request Header Fields Too Large"),
    ],
)
async def test_a_stranger_to_http_is_refused_without_a_word(
    served: asking.Served, caplog: pytest.LogCaptureFixture, sent: bytes, status: bytes
) -> None:
    caplog.set_level(logging.INFO)
    trust = ssl.create_default_context(cafile=served.authority)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.bound.port, ssl=trust)
    writer.write(sent)
    assert await asyncio.wait_for(reader.readline(), PATIENCE) == b"HTTP/1.1 " + status + b"\r\n"
    writer.close()
    assert [record.message for record in caplog.records if record.levelno > logging.INFO] == []
    async with session(served) as client, client.get(f"{FRUITS}/apple") as response:
        assert response.status == 200


@pytest.mark.parametrize("offered", [["h2", "http/1.1"], ["http/1.1"]])
async def test_tls_agrees_on_http_1_1(served: asking.Served, offered: list[str]) -> None:
    trust = ssl.create_default_context(cafile=served.authority)
    trust.set_alpn_protocols(offered)
    _, writer = await asyncio.open_connection("127.0.0.1", served.bound.port, ssl=trust)
    tls = writer.get_extra_info("ssl_object")
    assert tls.selected_alpn_protocol() == "http/1.1"
    assert tls.version() in {"TLSv1.2", "TLSv1.3"}
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_does_not_trust_the_authority_is_not_served(served: asking.Served) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", served.bound.port, ssl=ssl.create_default_context())


async def test_stopping_lets_requests_under_way_end_and_takes_no_new_ones(
    toy: asking.Toy, tls: self_signed.Certificates
) -> None:
    async with contextlib.AsyncExitStack() as open_sessions:
        async with sockets.serve(toy.api, host="127.0.0.1", port=0, tls=tls.context()) as bound:
            served = asking.Served(toy=toy, bound=bound, authority=tls.authority)
            client = await open_sessions.enter_async_context(session(served))
            under_way = asyncio.ensure_future(client.get(f"{FRUITS}/slow?timeout=300ms"))
            await asyncio.wait_for(toy.orchard.hanging.wait(), PATIENCE)
            assert (await toy.ask("/readyz")).status == 200
        assert (await toy.ask("/readyz")).status == 500
        assert (await under_way).status == 504
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get("/livez")


async def test_before_it_stops_the_server_answers_that_it_is_not_ready(
    toy: asking.Toy, tls: self_signed.Certificates
) -> None:
    async with contextlib.AsyncExitStack() as opened:
        serving = sockets.serve(toy.api, host="127.0.0.1", port=0, tls=tls.context(), pause=60.0)
        bound = await opened.enter_async_context(serving)
        served = asking.Served(toy=toy, bound=bound, authority=tls.authority)
        leaving = asyncio.ensure_future(opened.pop_all().aclose())
        # After one turn of the event loop, the pause has begun.
        await asyncio.sleep(0)
        async with session(served) as client:
            async with client.get("/readyz") as response:
                assert response.status == 500
            async with client.get(f"{FRUITS}/apple") as response:
                assert response.status == 200
        leaving.cancel()
        await asyncio.wait([leaving], timeout=PATIENCE)
        assert leaving.cancelled()


def test_an_address_of_ipv6_is_bracketed_in_its_url() -> None:
    assert sockets.Bound(host="::1", port=8443).url == "https://[::1]:8443"


@pytest.mark.parametrize(
    "suite", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AES128-GCM-SHA256"]
)
async def test_tls_1_2_agrees_on_no_suite_without_forward_secrecy_and_authenticated_encryption(
    served: asking.Served, suite: str
) -> None:
    trust = ssl.create_default_context(cafile=served.authority)
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    trust.set_ciphers(suite)
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await asyncio.open_connection("127.0.0.1", served.bound.port, ssl=trust)
    trust.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    _, writer = await asyncio.open_connection("127.0.0.1", served.bound.port, ssl=trust)
    writer.transport.abort()
