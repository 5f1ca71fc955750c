"""Client certificates of the cluster: the common name is the user, the organizations are the groups.

This authenticator comes after the one of the front proxy. So a certificate that arrives here and was not
signed by the cluster's client CA is refused. The log has its issuer and the expected CAs.
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
    """Accepts certificates signed by the CAs that `current` returns, which is called for every request."""

    def __init__(
        self, current: Callable[[], verify.Authorities | None], *, clock: Callable[[], datetime]
    ) -> None:
        self._current = current
        self._clock = clock
        self._throttled = throttled_log.ThrottledLog(_log)

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
        """The user; `None` without a certificate. Raises `Unauthorized` if it cannot be verified."""
        if not credentials.certificates:
            return None
        authorities = self._current()
        if authorities is None:
            raise self._refusal("this server knows no CA for client certificates", credentials)
        try:
            certificate = authorities.verify(credentials.certificates, now=self._clock())
        except verify.Untrusted as refusal:
            raise self._refusal(str(refusal), credentials, expected=authorities.names) from None
        name = verify.common_name(certificate)
        if not name:
            raise self._refusal(
                "it has no common name, which is needed as the user's name",
                credentials,
                expected=authorities.names,
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
        self._throttled.warn(
            f"client certificate authentication failed: {why}; "
            f"presented: {verify.presented(credentials.certificates)}; expected issuer: {expected}"
        )
        return errors.Unauthorized(f"Unauthorized: the client certificate is not valid: {why}")
