"""What clients read: the resources of `metrics.smi-spec.io` (`smi`) and the metrics of autoscalers
(`autoscaling`).

A view reads snapshots from the store and turns them into answers. It opens no connection. The two groups do
not import each other; what both need is in the modules here.
"""
