"""Short key identifiers of CAs, which distinguish a CA from its replacement with the same name.

They are the first characters of the key identifier that `openssl x509 -text` prints. A certificate does not
always have the key identifier of the CA that signed it.
"""

from cryptography import x509

_LETTERS = 8


def own(certificate: x509.Certificate) -> str:
    """The key identifier of the certificate's own key; computed as in RFC 5280 if it names none."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        named = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return named.digest.hex()[:_LETTERS]


def signers(certificate: x509.Certificate) -> str:
    """The key identifier of the CA that signed it; empty if the certificate has none."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return ""
    return (named.key_identifier or b"").hex()[:_LETTERS]
