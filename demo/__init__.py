"""A small real mesh on loopback: Envoy sidecars, apps, load, Prometheus, and the truth to compare with.

What belongs here: everything that is needed for real traffic without a cluster, for trying, testing and
measuring. The mesh is data (`shop`), its placement, configurations and inventory are pure functions of that
data, and `mesh` runs it.

What does not: anything that reads TrafficMetrics or computes them. This package imports nothing of the
product, so that its truth is independent of it.
"""
