"""The service graph: nodes and edges, built from lists of traffic.

What belongs here: pure functions that build a graph from the client's values, look up callers and callees,
and group a graph by namespace.

What does not: how a graph is drawn, and whether its figures are good. Nothing here reads a clock or the
network.
"""
