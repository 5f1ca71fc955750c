"""Why an answer is missing, in terms a person can act on.

Each fault's text says what happened, where, and what to do, so that the page and the terminal can show it as
it is. It may quote what came from outside, so it is made plain here, once for all.
"""

from dashboard import outside


class Fault(Exception):
    """The API gave no usable answer."""

    def __init__(self, text: str) -> None:
        super().__init__(outside.message(text))


class Unconfigured(Fault):
    """The kubeconfig does not say how to reach or to convince the API."""


class Unreachable(Fault):
    """Nobody answered: no connection, no trust, or no answer in time."""


class Denied(Fault):
    """The API does not know the caller (401) or does not allow the question (403)."""


class Unauthenticated(Denied):
    """The API does not know the caller: the credential is wrong, or over."""


class NotServed(Fault):
    """Somebody answered, but no TrafficMetrics API stands behind that address."""


class Excessive(Fault):
    """More was asked for at once than is served."""


class Failed(Fault):
    """The API answered with a failure of its own, or with something that is not its wire format."""
