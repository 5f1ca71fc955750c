"""Set-ups of scraping, clocks and backends in which figures were wrong, with the right values.

Pods of known rates are scraped by a real Prometheus, and the real server is read. Seconds are a fifteenth of
those in the field: intervals of 1 s and 4 s stand for 15 s and 60 s.
"""
