"""Observability: request metrics, the access log, health checks, and why connections were ended."""
