"""The product: from a mesh's own counters to the TrafficMetrics a Kubernetes client reads.

Modules stand in the order in which a number travels: `profile`, `plan`, `prometheus`, `counting`, `snapshot`,
`ownership`, `rollup`, `traffic`, `views`; `store` keeps the latest snapshots and `__main__` joins the parts.
What knows only Kubernetes belongs in `apiservice`; what looks at the API from outside belongs in `dashboard`;
what a mesh calls its metrics belongs in a file under `profiles/`, never in code.
"""
