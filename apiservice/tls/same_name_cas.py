"""CAs with the same name, which OpenSSL confuses if certificates have no key identifiers.

While a CA is rotated, the old and the new CA certificate are published together, usually with the same name.
OpenSSL takes only one CA with the issuer's name of a client certificate, and refuses the certificate if that
CA did not sign it. Go tries all CAs with that name, and so does `x509.verify`, but only after the TLS
handshake. So TLS gets selections in which each name occurs once, and tries them in turn.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import serialization


def selections(authorities: Sequence[bytes]) -> list[bytes]:
    """Selections of the CA certificates, in DER, those with the newer ones first.

    Empty if no two CAs have the same name.
    """
    groups: dict[bytes, list[x509.Certificate]] = {}
    for der in authorities:
        certificate = x509.load_der_x509_certificate(der)
        groups.setdefault(certificate.subject.public_bytes(), []).append(certificate)
    for group in groups.values():
        group.sort(key=lambda each: each.not_valid_before_utc, reverse=True)
    most = max(map(len, groups.values()), default=0)
    if most < 2:
        return []
    return [
        b"".join(
            group[turn % len(group)].public_bytes(serialization.Encoding.DER) for group in groups.values()
        )
        for turn in range(most)
    ]
