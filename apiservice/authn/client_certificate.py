"""Users who present a client certificate of the cluster: the common name is the user, organizations are
groups.

It stands behind the front proxy in the order of authenticators, so a certificate that comes here and is not
of the clients' authority is of nobody, and is refused. The log says whose it was and whose was expected.
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime

from cryptography.x509 import oid

from apiservice.authn import authenticator
from apiservice.http import errors
from apiservice.runtime import throttled_log
from apiservice.x509 import verify

_log = logging.getLogger(__name__)

CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class ClientCertificateAuthenticator:
    """Believes certificates of the authorities that `current` answers; they may change at any time."""

    def __init__(
        self, current: Callable[[], verify.Authorities | None], *, clock: Callable[[], datetime]
    ) -> None:
        self._current = current
        self._clock = clock
        self._complaints = throttled_log.Complaints(_log)

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
        if not credentials.certificates:
            return None
        authorities = self._current()
        if authorities is None:
            raise self._refusal("no authority of client certificates is known here", credentials)
        try:
            certificate = authorities.verify(credentials.certificates, now=self._clock())
        except verify.Untrusted as refusal:
            raise self._refusal(str(refusal), credentials, expected=authorities.names) from None
        name = verify.common_name(certificate)
        if not name:
            raise self._refusal(
                "it has no common name, which would be the user", credentials, expected=authorities.names
            )
        fingerprint = hashlib.sha256(credentials.certificates[0]).hexdigest()
        return authenticator.User(
            name=name,
            groups=verify.names(certificate, kind=oid.NameOID.ORGANIZATION_NAME),
            extra={CREDENTIAL_ID: (f"X509SHA256={fingerprint}",)},
        )

    def _refusal(
        self, why: str, credentials: authenticator.Credentials, *, expected: str = "none"
    ) -> errors.Unauthorized:
        self._complaints.warn(
            f"client certificate authentication failed: {why}; "
            f"presented: {verify.presented(credentials.certificates)}; expected issuer: {expected}"
        )
        return errors.Unauthorized(f"Unauthorized: the client certificate is not valid: {why}")
