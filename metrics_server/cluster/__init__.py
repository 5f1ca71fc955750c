"""Watches the objects of a cluster: those that make up the inventory, and those that split traffic.

The protocol of lists and watches belongs in `apiservice.kube`; the meaning of the objects, in `inventory`
and `splits`.
"""
