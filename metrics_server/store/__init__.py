"""The latest snapshots and what was computed from them. Prometheus is asked once for all clients that ask
the same.
"""
