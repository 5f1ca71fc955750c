"""Metrics of the server's requests and connections, with the names that Kubernetes API servers use.

Label values come from declared resources and known verbs only, so a client cannot create time series.
"""

import prometheus_client
from prometheus_client import exposition

from apiservice.http import messages, negotiation
from apiservice.observe import connection_events
from apiservice.request import request_info
from apiservice.resources import router

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: from a cached answer to the longest deadline."""

_VERBS = frozenset(
    {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "post", "put", "head"}
)
_SUBJECT = ("verb", "group", "version", "resource", "subresource")


class RequestMetrics:
    """Keeps the metrics in the given registry, and answers with the whole registry."""

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        self._registry = registry
        self._requests = prometheus_client.Counter(
            "apiserver_request_total",
            "Requests by verb, resource and HTTP code.",
            (*_SUBJECT, "code"),
            registry=registry,
        )
        self._durations = prometheus_client.Histogram(
            "apiserver_request_duration_seconds",
            "Seconds from a request's head to its answer, by verb and resource.",
            _SUBJECT,
            buckets=_BUCKETS,
            registry=registry,
        )
        self.in_flight = prometheus_client.Gauge(
            "apiserver_current_inflight_requests", "Requests being answered.", registry=registry
        )
        self.lag = prometheus_client.Histogram(
            "apiserver_event_loop_lag_seconds",
            "Seconds by which a timer fires late, in which no other request was served.",
            buckets=(0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
            registry=registry,
        )
        self._connections = prometheus_client.Gauge(
            "apiserver_current_connections", "Connections that are open.", registry=registry
        )
        self._cut = prometheus_client.Counter(
            "apiserver_connections_cut_total",
            "Connections that the server ended before their clients did, by reason.",
            ("reason",),
            registry=registry,
        )

        self._series: dict[
            tuple[str, router.Endpoint | None, int],
            tuple[prometheus_client.Counter, prometheus_client.Histogram],
        ] = {}
        """The time series of the requests and of their durations, by verb, endpoint and code."""

    def opened(self, number: int) -> None:
        """Sets the number of open connections."""
        self._connections.set(number)

    def cut(self, why: connection_events.Cut) -> None:
        """Counts a connection that the server ended."""
        self._cut.labels(why.value).inc()

    def observe(
        self,
        attributes: request_info.Attributes | None,
        *,
        route: router.Route | None,
        code: int,
        seconds: float,
    ) -> None:
        """Counts a request and its duration. `attributes` and `route` are None where they are unknown."""
        verb = attributes.verb if attributes is not None and attributes.verb in _VERBS else "other"
        key = (verb, route.endpoint if route is not None else None, code)
        found = self._series.get(key)
        if found is None:
            subject = (verb, *_resource(route))
            found = (self._requests.labels(*subject, str(code)), self._durations.labels(*subject))
            self._series[key] = found
        requests, durations = found
        requests.inc()
        durations.observe(seconds)

    async def show(self, incoming: messages.Incoming) -> messages.Answer:
        """The whole registry, in the exposition format that the `Accept` header asks for."""
        accept = incoming.headers.get("Accept", "")
        encode, content_type = exposition.choose_encoder(accept if len(accept) <= negotiation.LONGEST else "")
        return messages.Answer(body=encode(self._registry), content_type=content_type)


def _resource(route: router.Route | None) -> tuple[str, str, str, str]:
    if route is None:
        return ("", "", "", "")
    endpoint = route.endpoint
    return (endpoint.group, endpoint.version, endpoint.resource, endpoint.subresource or "")
