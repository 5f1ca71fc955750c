"""The databases that the server can ask: Prometheus, and others that speak its query API, run for a test.

What they scrape and what is demanded of the answers belongs to the tests that use them.
"""
