"""The reason why a backend did not answer a query, in words that every user may read.

A backend's own text may quote queries, addresses and tenants. So none of it is repeated: it is compared with
phrases that Prometheus, Thanos, Mimir and VictoriaMetrics are known to write, and each has words of its own
here. What is not recognised is described by its status. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

GENERAL = "Prometheus did not answer the query"
_READ = 1 << 12
"""Bytes of a body that are compared."""

_TIMEOUT = {
    "query timed out": "it took longer than Prometheus allows (its --query.timeout)",
    "context deadline exceeded": "it took longer than Prometheus allows (its --query.timeout)",
    "cannot be executed in": "it took longer than VictoriaMetrics allows (its -search.maxQueryDuration)",
    "exceeded timeout": "it took longer than the backend allows",
    "timeout exceeded": "it took longer than VictoriaMetrics allows (its -search.maxQueryDuration)",
}
_SIZE = {
    "too many samples": "it would load more samples than Prometheus allows (its --query.max-samples)",
    "max-samples-per-query": "it would load more samples than the backend allows",
    "maxsamplesperquery": "it would load more samples than VictoriaMetrics allows "
    "(its -search.maxSamplesPerQuery)",
    "maxuniquetimeseries": "it selects more series than VictoriaMetrics allows "
    "(its -search.maxUniqueTimeseries)",
    "max number of series": "it selects more series than the tenant's limit",
    "max number of chunks": "it selects more data than the tenant's limit",
    "series limit": "it selects more series than the backend allows",
    "maxquerylen": "it is longer than VictoriaMetrics allows (its -search.maxQueryLen)",
    "aggregated data size": "it selects more data than the tenant's limit",
    "not enough memory": "it needs more memory than the backend has left",
}
_OTHER = {
    "unsupported matchtype": "the backend does not know one of its label matchers",
    "exact matcher on __name__ required": "the backend does not know one of its label matchers",
    "parse error": "the backend does not know its syntax",
    "unknown function": "the backend does not know a function in it",
    "no org id": "it names no tenant; give the header X-Scope-OrgID with --prometheus-headers",
    "too many outstanding requests": "too many queries wait there",
    "per-user query rate": "the tenant's limit of queries is reached",
    "request rate limit": "the tenant's limit of queries is reached",
    "couldn't start executing the request": "too many queries are under way there "
    "(its -search.maxConcurrentRequests)",
}
_PHRASES: Mapping[str, str] = {**_TIMEOUT, **_SIZE, **_OTHER}
_TYPES: Mapping[str, str] = {
    "timeout": "it took longer than Prometheus allows (its --query.timeout)",
    "canceled": "Prometheus gave it up",
    "bad_data": "the backend does not accept the query",
    "execution": "the backend could not evaluate the query",
    "too_many_requests": "too many queries are under way there",
}
"""Words for the field `errorType` of the query API, if its text is not recognised."""
_STATUS: Mapping[int, str] = {
    405: "Prometheus' address accepts queries neither by POST nor by GET",
    413: "The query is too long for the address of Prometheus",
    414: "The query is too long for a URL, and Prometheus' address accepts no POST",
    422: "Prometheus refused the query",
    429: "Prometheus refused the query, because it gets too many: ask again later",
    431: "The query is too long for a URL, and Prometheus' address accepts no POST",
    500: "Prometheus failed to answer the query, by an error of its own",
    502: "The proxy before Prometheus gets no answer from it",
    504: "The proxy before Prometheus gets no answer from it in time",
}
_STARTING = "Prometheus is not ready: it is starting, or the proxy before it finds none that is ready"


def message(status: int, body: bytes | bytearray) -> str:
    """Return what happened, without a word of the backend's."""
    reason = _reason(body)
    if reason is not None and is_timeout(body):
        return f"Prometheus gave up the query: {reason}"
    if status == 503 and reason is None:
        return _STARTING
    what = _STATUS.get(status, GENERAL)
    return f"{what}: {reason}" if reason is not None else what


def is_timeout(body: bytes | bytearray) -> bool:
    """Return whether the backend gave the query up because it took too long."""
    return _type(body) == "timeout" or _has(body, _TIMEOUT)


def is_about_size(body: bytes | bytearray) -> bool:
    """Return whether the query was refused because it took too long or selected too much."""
    return is_timeout(body) or _has(body, _SIZE)


def _reason(body: bytes | bytearray) -> str | None:
    text = _text(body)
    phrase = next((words for phrase, words in _PHRASES.items() if phrase in text), None)
    return phrase or _TYPES.get(_type(body))


def _has(body: bytes | bytearray, phrases: Mapping[str, str]) -> bool:
    text = _text(body)
    return any(phrase in text for phrase in phrases)


def _text(body: bytes | bytearray) -> str:
    return bytes(body[:_READ]).decode("utf-8", "replace").lower()


def _type(body: bytes | bytearray) -> str:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    found = answer.get("errorType") if isinstance(answer, dict) else None
    return found if isinstance(found, str) else ""
