"""Which key an authority has, in a few letters: an authority that is replaced keeps its name, as a rule.

The letters are the beginning of what `openssl x509 -text` prints as key identifier. Certificates need not
name the keys of others: then only the authority's own is known.
"""

from cryptography import x509

_LETTERS = 8


def own(certificate: x509.Certificate) -> str:
    """Of an authority; worked out as RFC 5280 has it where the certificate does not say."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        named = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return named.digest.hex()[:_LETTERS]


def signers(certificate: x509.Certificate) -> str:
    """Of the authority that signed it; empty where the certificate does not say."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return ""
    return (named.key_identifier or b"").hex()[:_LETTERS]
