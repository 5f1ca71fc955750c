"""What autoscalers read: `custom.metrics.k8s.io` and `external.metrics.k8s.io`, as resources of the kit.

An autoscaler obeys what it is given and looks at no timestamp. So it is given nothing that is not known: a
pod that is not scraped is left out, a latency without requests too, and whatever is old or incomplete is
refused. What is said then is read in `kubectl describe hpa`, and is written for whoever looks there.
"""
