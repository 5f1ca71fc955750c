"""Clients of Prometheus and of the fallback adapter: requests, credentials, time limits, size limits, and the
translation of network errors into faults.

The meaning of the series in an answer belongs in `decode`.
"""
