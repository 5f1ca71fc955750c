"""The Kubernetes objects that are known: pods, workloads, services, nodes and namespaces, and for a while
those that were deleted. Pure, except that an inventory can be read from a file.

Where they come from in a cluster belongs in `cluster`; what they own belongs in `ownership`.
"""
