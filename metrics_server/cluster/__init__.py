"""Watches a cluster's objects: owners of pods, and the objects that split traffic.

The protocol of lists and watches belongs in `apiservice.kube`, the meaning of the objects in `inventory`
and `splits`.
"""
