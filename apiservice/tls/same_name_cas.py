"""Authorities of one name, which TLS cannot tell apart where certificates lack key identifiers.

While an authority is rotated the old and the new one are published together, mostly under the same name.
OpenSSL tries one that has the name a certificate says, and gives up should that not have signed it. Go tries
all, and so do we when we decide who is who; but TLS comes first. So it is offered selections in which no name
comes twice, to be tried one after the other.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import serialization


def selections(authorities: Sequence[bytes]) -> list[bytes]:
    """In DER, as they are given; those with the newer ones first. None where each name is there once."""
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
