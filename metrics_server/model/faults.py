"""What can go wrong, in the words a user reads.

    Fault
    ├── BadRequest          the question cannot be answered as asked
    ├── NotFound            nothing of that name is known; says why, and what is
    └── Unavailable         the figures cannot be had now
        ├── BackendDown     Prometheus cannot be reached
        ├── BackendSlow     Prometheus was reached and does not answer
        ├── BackendRefused  Prometheus answered, but not with figures
        ├── NoMesh          Prometheus answers, and holds no metric of a known mesh
        ├── Stale           the newest figure is too old to be served
        ├── Ahead           Prometheus' clock and this server's differ: figures are of the future
        ├── Busy            others' questions are answered first, and the wait for a turn is over
        └── PredecessorAway the other adapter, which has metrics that are not ours, gives no answer

A message goes to the user: it never holds the address of a backend or the text of a query. What an operator
needs on top is `detail`, for the log. Views turn a fault into a Kubernetes `Status`; nothing else is raised
to them on purpose.
"""

from __future__ import annotations


class Fault(Exception):
    """A failure with a message for the user and, for the log, a detail."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class BadRequest(Fault):
    """The question cannot be answered as asked."""


class NotFound(Fault):
    """Nothing of that name is known."""


class Unavailable(Fault):
    """The figures cannot be had now."""


class BackendDown(Unavailable):
    """Prometheus cannot be reached."""


class BackendSlow(Unavailable):
    """Prometheus was reached and does not answer."""


class BackendRefused(Unavailable):
    """Prometheus answered, but not with figures."""


class NoMesh(Unavailable):
    """Prometheus answers, and holds no metric of a known mesh."""


class Stale(Unavailable):
    """The newest figure is too old to be served."""


class Ahead(Unavailable):
    """Prometheus' clock and this server's differ: figures are of the future."""


class Busy(Unavailable):
    """Others' questions are answered first, and the wait for a turn is over."""


class PredecessorAway(Unavailable):
    """The other adapter, which has metrics that are not ours, gives no answer."""
