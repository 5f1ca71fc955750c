"""What autoscalers read: the groups `custom.metrics.k8s.io` and `external.metrics.k8s.io`.

An autoscaler uses a value without looking at its timestamp. So a value that is not known is left out (a
pod without a scraped proxy, a latency without requests), and data that is old or incomplete is refused.
Users read the reason in `kubectl describe hpa`.
"""
