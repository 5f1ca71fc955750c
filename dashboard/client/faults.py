"""Why an API gave no usable answer.

The text of each fault says what happened, where, and what to do; the page and the terminal show it unchanged.
It may quote other programs, so it is escaped here.
"""

from dashboard import escaping


class Fault(Exception):
    """The API gave no usable answer."""

    def __init__(self, text: str) -> None:
        super().__init__(escaping.message(text))


class Unconfigured(Fault):
    """The address or the credential of the API cannot be read from the kubeconfig or the pod."""


class Unreachable(Fault):
    """No answer: no connection, a certificate that cannot be verified, or a timeout."""


class Denied(Fault):
    """The API refuses the credential (401) or the request (403)."""


class Unauthenticated(Denied):
    """The API does not accept the credential (401): it is wrong or has expired."""


class NotServed(Fault):
    """A server answered, but it does not serve the requested API."""


class Excessive(Fault):
    """The request exceeds a limit of the dashboard."""


class Failed(Fault):
    """The API answered with an error, or in another format than its own."""
