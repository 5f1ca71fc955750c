"""Users who present a client certificate of the cluster: the common name is the user, organizations are
groups.

It stands behind the front proxy in the order of authenticators, so a certificate that comes here and is not
of the clients' authority is of nobody, and is refused.
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

from cryptography.x509 import oid

from apiservice import authentication, errors, trust

CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class ClientCertificateAuthenticator:
    """Believes certificates of the authorities that `current` answers; they may change at any time."""

    def __init__(
        self, current: Callable[[], trust.Authorities | None], *, clock: Callable[[], datetime]
    ) -> None:
        self._current = current
        self._clock = clock

    async def authenticate(self, credentials: authentication.Credentials) -> authentication.User | None:
        if not credentials.certificates:
            return None
        authorities = self._current()
        if authorities is None:
            raise _refusal("no authority of client certificates is known here")
        try:
            certificate = authorities.verify(credentials.certificates, now=self._clock())
        except trust.Untrusted as refusal:
            raise _refusal(str(refusal)) from None
        name = trust.common_name(certificate)
        if not name:
            raise _refusal("it has no common name, which would be the user")
        fingerprint = hashlib.sha256(credentials.certificates[0]).hexdigest()
        return authentication.User(
            name=name,
            groups=trust.names(certificate, kind=oid.NameOID.ORGANIZATION_NAME),
            extra={CREDENTIAL_ID: (f"X509SHA256={fingerprint}",)},
        )


def _refusal(why: str) -> errors.Unauthorized:
    return errors.Unauthorized(f"Unauthorized: the client certificate is not valid: {why}")
