"""From Prometheus' series to counts and histograms per reporter and peer. Pure.

Here belong counter resets, first failures, buckets and the recognition of targets and peers. Here does
not belong who owns a pod (`ownership`) or how rows are summed (`aggregate`).
"""
