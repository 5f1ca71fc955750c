"""TLS whose certificate and client CAs are replaced while the server listens.

At the start of each handshake OpenSSL calls back for the context to use, and gets the current one. So new
connections use the new certificate, and open connections go on. If a new certificate and key do not match,
the old ones stay in use.

TLS only verifies that one of the cluster's CAs signed a client's certificate and that the client has its key;
otherwise it ends the connection. Which user a certificate stands for is decided in `authn`.
"""

import dataclasses
import logging
import pathlib
import ssl
import time
from collections.abc import Callable

from apiservice.authn import delegated_config
from apiservice.runtime import files, throttled_log
from apiservice.tls import cipher_suites, handshake_debug, same_name_cas
from apiservice.x509 import pem_errors, verify

_log = logging.getLogger(__name__)
_SIGNATURE_FAILURE = 7
"""OpenSSL's X509_V_ERR_CERT_SIGNATURE_FAILURE: the CA with the issuer's name did not sign the certificate."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """The content from which a context is made: PEM, and the client CAs in DER."""

    certificate: bytes
    key: bytes
    authorities: bytes


class LiveTls:
    """`context` is for the listening sockets. `current` returns the CAs of clients and of the front proxy."""

    def __init__(
        self,
        *,
        certificate: pathlib.Path,
        key: pathlib.Path,
        current: Callable[[], delegated_config.Delegation],
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        named: str = "",
    ) -> None:
        """Reads the files at most every `every` seconds. `named` is the setting that has their paths, for the
        log.

        Raises `OSError`, and `ValueError` with the reason why the files cannot be used.
        """
        self._named = f"{named}: " if named else ""
        self._certificate = certificate
        self._key = key
        self._delegation = current
        self._every = every
        self._clock = clock
        self._throttled = throttled_log.ThrottledLog(_log)
        self._material = self._read()
        self._contexts = self._all_made(self._material)
        self._used = 0
        self._presented = b""
        self._tried = self._material.authorities
        self._looked = clock()
        # This context must request client certificates as well: OpenSSL decides on that with it, before the
        # callback chooses another one.
        self.context = self._made(self._material)
        self.context.sslobject_class = _noticing(self._refused)
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        self._look()
        connection.context = self._contexts[self._used]

    def _look(self) -> None:
        now, authorities = self._clock(), self._delegation().authorities
        if authorities == self._tried and now - self._looked < self._every:
            return
        self._looked, self._tried = now, authorities
        handshake_debug.record((self.context, *self._contexts), to=None)
        try:
            found = self._read()
            if found != self._material:
                self._contexts, self._used = self._all_made(found), 0
                self._material = found
                _log.info("TLS uses %s and the client authorities as they are now", self._certificate)
        except (OSError, ValueError) as error:
            self._throttled.warn(
                f"{self._named}{files.shown(self._certificate)}, {files.shown(self._key)} and the client "
                f"authorities changed and cannot be used together, what was is kept: {files.reason(error)}"
            )

    def _read(self) -> _Material:
        return _Material(
            certificate=files.read(self._certificate),
            key=files.read(self._key),
            authorities=self._delegation().authorities,
        )

    def _all_made(self, material: _Material) -> list[ssl.SSLContext]:
        """A context with all client CAs, and one for each selection if some CAs have the same name."""
        full = self._made(material)
        selections = same_name_cas.selections(full.get_ca_certs(binary_form=True))
        return [
            full,
            *(self._made(dataclasses.replace(material, authorities=selected)) for selected in selections),
        ]

    def _made(self, material: _Material) -> ssl.SSLContext:
        """A context from the files as they are now. If they have just changed, the next `_look` sees it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cipher_suites.restrict(context)
        # Without this, OpenSSL asks for the password of an encrypted key on the terminal.
        try:
            context.load_cert_chain(self._certificate, self._key, password=lambda: b"")
        except ssl.SSLError as error:
            raise pem_errors.refused(
                (self._certificate, material.certificate),
                (self._key, material.key),
                said=error.reason or "no reason",
            ) from error
        context.verify_mode = ssl.CERT_OPTIONAL
        # Each certificate of a bundle is a trust anchor, also if it is not self-signed, as in Go.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # No session resumption: its certificate was verified with CAs that may have been removed since.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
        if material.authorities:
            context.load_verify_locations(cadata=material.authorities)
        return context

    def _refused(self, connection: ssl.SSLObject, error: ssl.SSLCertVerificationError) -> None:
        tried = connection.context is self._contexts[self._used]
        why = error.verify_message
        if error.verify_code == _SIGNATURE_FAILURE:
            why = f"{why}, the expected authority of its issuer's name did not sign it: was it replaced?"
            if tried:
                self._used = (self._used + 1) % len(self._contexts)
        self._throttled.warn(
            f"TLS ended with a client whose certificate was refused: {why}; "
            f"presented: {self._describe()}; expected issuers: {self._delegation()}"
        )
        # From now until the next `_look`, certificates are recorded: the client tries again, and then the log
        # has its certificate.
        handshake_debug.record((self.context, *self._contexts), to=self._record)

    def _record(self, presented: bytes) -> None:
        self._presented = presented

    def _describe(self) -> str:
        presented, self._presented = self._presented, b""
        return verify.presented((presented,)) if presented else "not recorded, see its next attempt"


def _noticing(
    notice: Callable[[ssl.SSLObject, ssl.SSLCertVerificationError], None],
) -> type[ssl.SSLObject]:
    """A TLS connection that calls `notice` when a client's certificate is refused; asyncio logs nothing."""

    class Noticing(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except ssl.SSLCertVerificationError as error:
                notice(self, error)
                raise

    return Noticing
