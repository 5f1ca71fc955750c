"""The errors of this server. Each has a message for the user and a detail for the log.

    Fault
    ├── BadRequest          the request is not valid
    ├── NotFound            no resource of that name; the message says why, and which names exist
    └── Unavailable         no figures can be served now
        ├── BackendDown     no connection to Prometheus
        ├── BackendSlow     Prometheus accepted the connection and does not answer in time
        ├── BackendRefused  Prometheus answered with an error, or with something other than figures
        ├── NoMesh          Prometheus has no metric of a known mesh
        ├── SeveralClusters Prometheus has the targets of several clusters, and none is chosen
        ├── Stale           the newest scrape is too old
        ├── Busy            the request waited too long behind other requests
        └── PredecessorAway the fallback adapter gives no usable answer

The message never contains the address of a backend or the text of a query, because every user may read it.
What only an operator may read goes into `detail`. The request handlers turn a fault into a Kubernetes
`Status`; they expect no other exception.
"""

from __future__ import annotations


class Fault(Exception):
    """An error with a message for the user and a detail for the log."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class BadRequest(Fault):
    """The request is not valid."""


class NotFound(Fault):
    """No resource has that name."""


class Unavailable(Fault):
    """No figures can be served now."""


class BackendDown(Unavailable):
    """There is no connection to Prometheus."""


class BackendSlow(Unavailable):
    """Prometheus accepted the connection and does not answer in time."""


class BackendRefused(Unavailable):
    """Prometheus answered with an error, or with something other than figures."""


class NoMesh(Unavailable):
    """Prometheus has no metric of a known mesh."""


class SeveralClusters(Unavailable):
    """Prometheus has the targets of several clusters, and none is chosen."""


class Stale(Unavailable):
    """The newest scrape is too old."""


class Busy(Unavailable):
    """The request waited too long behind other requests."""


class FallbackUnavailable(Unavailable):
    """The fallback adapter gives no usable answer."""
