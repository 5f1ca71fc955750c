"""The TLS versions and cipher suites of a server, as in a kube-apiserver without flags: TLS 1.2 or newer, and
in TLS 1.2 only suites with forward secrecy and authenticated encryption. ALPN offers HTTP/1.1.

https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ (--tls-cipher-suites)
"""

import ssl

_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Cipher suites of TLS 1.2 in OpenSSL's notation. All suites of TLS 1.3 have these properties."""


def restrict(context: ssl.SSLContext) -> None:
    """Restricts a server's context to these versions, suites and HTTP/1.1."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.set_alpn_protocols(["http/1.1"])
