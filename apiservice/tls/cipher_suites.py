"""What a server agrees on in TLS, as the kube-apiserver does without flags: TLS 1.2 or newer, HTTP/1.1, and
of TLS 1.2 only suites with forward secrecy and authenticated encryption.

https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ (--tls-cipher-suites)
"""

import ssl

_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, as OpenSSL names them. All of TLS 1.3 are of this kind."""


def restrict(context: ssl.SSLContext) -> None:
    """Makes a server's context agree on nothing else."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.set_alpn_protocols(["http/1.1"])
