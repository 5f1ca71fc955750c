"""The same shop as real pods: what runs in them, and the manifests that put them into a cluster.

What belongs here: the demo where each pod is on its own. The apps, the load, the truth and the sidecars are
those of the standalone demo; new is only how they find each other, how their ledgers are added, and the
objects that are applied to a cluster. The commands are `python -m demo.pods …`.
"""
