"""The inventory: the Kubernetes objects that are known (pods, workloads, services, nodes, namespaces), and
those that were deleted lately. Pure, except that an inventory can be read from a file.

Watching the objects of a cluster belongs in `cluster`; which object belongs to which, in `ownership`.
"""
