"""The same shop as real pods: the programs in them, and the manifests for a cluster.

What belongs here: the demo in which each pod has its own process. The apps, the load, the truth and the
sidecars are those of the standalone demo; only the lookup of other pods, the sum of their ledgers and the
objects for a cluster are added. The commands are `python -m demo.pods …`.
"""
