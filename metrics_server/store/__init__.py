"""Keeps the latest snapshots and what was computed from them, so that one fetch from Prometheus serves all
clients that ask for the same namespace and window.

How a snapshot is fetched belongs in `collect`; what is computed from it, in `aggregate`.
"""
