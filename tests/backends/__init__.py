"""The databases that the server can query: Prometheus, and others with its query API, run for a test.

The tests that use them decide what they scrape and which answers are right.
"""
