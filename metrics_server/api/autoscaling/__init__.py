"""The API groups for autoscalers: `custom.metrics.k8s.io` and `external.metrics.k8s.io`.

An autoscaler ignores the timestamp of a value. Therefore unknown values are left out (a pod without a scraped
proxy, a latency without requests), and stale or incomplete data is refused. Users read the reason in
`kubectl describe hpa`.
"""
