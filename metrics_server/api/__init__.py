"""What clients read: the resources of `metrics.smi-spec.io` (`smi`) and the metrics of autoscalers
(`autoscaling`).

A view turns a request into a question to the store and prints the answer. It never reaches the network,
and the two groups do not know each other; what both need stands here.
"""
