"""The network side of Prometheus and of the fallback adapter: requests, credentials, limits, and the checks
that every answer must pass before it is decoded.

Here does not belong what the series of an answer mean (`decode`).
"""
