"""The product: from a mesh's own counters to the TrafficMetrics that a Kubernetes client reads.

The packages follow the journey of a number. `profiles` says which metrics a mesh has, `query` which
PromQL asks for them, `upstream` sends it to Prometheus and checks the answer, `decode` makes counts and
histograms of the series, `collect` joins the steps to a snapshot of one or several meshes, `ownership`
and `aggregate` turn pods into workloads, services and namespaces, `store` keeps the latest snapshots,
`api` serves them and `server` starts the process. `model` has the types that all of them share.

What knows only Kubernetes belongs in `apiservice`. What looks at the API from outside belongs in
`dashboard`. What a mesh calls its metrics belongs in a YAML file in `profiles`, never in code.
"""
