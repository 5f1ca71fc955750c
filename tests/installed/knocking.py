"""Print the status of a server's answer to a request, and the serial number of its certificate.

    python -m tests.installed.knocking URL HEADER=VALUE…

A program of its own, to be run in the network of a cluster. Its certificate is not verified. If
there is no answer, both are 0.
"""

import http.client
import ssl
import sys
from urllib import parse

from cryptography import x509

_LONGEST = 60.0


def knock(url: str, headers: dict[str, str]) -> tuple[int, int]:
    """Return the status, and the serial number of the certificate."""
    where = parse.urlsplit(url)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    door = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=_LONGEST, context=context)
    try:
        door.connect()
        presented: bytes = door.sock.getpeercert(binary_form=True)  # type: ignore[assignment]  # a server has one
        door.request("GET", where.path, headers=headers)
        return door.getresponse().status, x509.load_der_x509_certificate(presented).serial_number
    except (OSError, http.client.HTTPException):
        return 0, 0
    finally:
        door.close()


if __name__ == "__main__":
    print(*knock(sys.argv[1], dict(given.split("=", 1) for given in sys.argv[2:])))
