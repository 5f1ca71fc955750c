"""Set-ups of scraping in which figures were wrong, each with the right values.

`mesh/CASE/` has the expositions (`*.prom`), the scrape targets (`targets.yaml`), the Kubernetes objects
(`inventory.yaml`), the right values in words (`truth.yaml`) and as this suite compares them (`expect.yaml`).
A real Prometheus scrapes the expositions while their values change, and the real server answers.

`scrape/` has the set-ups of scraping, clocks and databases, with pods of known rates.
"""
