"""Knock at a server's door and say with which status it answers.

    python -m tests.installed.knocking URL HEADER=VALUE…

A program of its own, to be run in the network of a cluster. Its certificate is not looked at.
"""

import ssl
import sys
import urllib.error
import urllib.request

_LONGEST = 60.0


def knock(url: str, headers: dict[str, str]) -> int:
    """The status that is answered."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - of a test's own server
    try:
        with urllib.request.urlopen(request, timeout=_LONGEST, context=context) as answer:  # noqa: S310
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


if __name__ == "__main__":
    print(knock(sys.argv[1], dict(given.split("=", 1) for given in sys.argv[2:])))
