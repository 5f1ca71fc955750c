"""Small tools independent of HTTP and Kubernetes: back-off, a cache with expiry, files that are reloaded or
written atomically, and a log with a limited rate.
"""
