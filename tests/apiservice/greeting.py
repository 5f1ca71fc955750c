"""A TLS server that answers each client with the name that it read from the client's certificate."""

import asyncio
import contextlib
import dataclasses
import pathlib
import ssl

from cryptography import x509
from cryptography.x509 import oid

from apiservice.authn import delegated_config
from apiservice.x509 import verify
from tests.apiservice import pki

HOST = "127.0.0.1"
SERVING = pki.authority("serving-ca")
CLIENTS = pki.authority("client-ca")
OTHERS = pki.authority("client-ca-2")


@dataclasses.dataclass(slots=True)
class Listener:
    """Answers each connection with the common name of its client, then closes it."""

    directory: pathlib.Path
    port: int = 0
    known: delegated_config.Delegation = delegated_config.EMPTY
    now: float = 0.0

    @property
    def certificate(self) -> pathlib.Path:
        return self.directory / "tls.crt"

    @property
    def key(self) -> pathlib.Path:
        return self.directory / "tls.key"

    def install(self, serving: pki.Identity) -> None:
        self.certificate.write_bytes(serving.pem)
        self.key.write_bytes(serving.key_pem)

    def trusts(self, *authorities: pki.Identity) -> None:
        pem = b"".join(each.pem for each in authorities)
        self.known = delegated_config.Delegation(clients=verify.Authorities(pem))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        presented = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        name = verify.common_name(verify.read(presented)) if presented else "nobody"
        writer.write(name.encode())
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    async def greets(
        self,
        client: pki.Identity | None = None,
        *,
        sni: str = "",
        version: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> tuple[str, str]:
        """Return the name that the server read from the client's certificate, and the name in
        the server's certificate.

        A refused client learns it only after its handshake, from an error or the end of the connection.
        The first name is then empty.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.maximum_version = version
        context.load_verify_locations(cadata=SERVING.pem.decode())
        if client is not None:
            path = self.directory / "client.pem"
            path.write_bytes(client.key_pem + client.pem)
            context.load_cert_chain(path)
        reader, writer = await asyncio.open_connection(HOST, self.port, ssl=context, server_hostname=sni)
        reply = ""
        try:
            with contextlib.suppress(OSError):
                reply = (await reader.read()).decode()
            served = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            return reply, verify.common_name(x509.load_der_x509_certificate(served))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def serving(name: str) -> pki.Identity:
    return SERVING.issue(name, usages=[oid.ExtendedKeyUsageOID.SERVER_AUTH], host=HOST)
