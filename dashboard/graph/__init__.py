"""The service graph: nodes and edges out of lists of traffic.

What belongs here: pure functions from the client's values to a graph, and questions to a graph (who calls
whom, what it looks like by namespace).

What does not: how a graph is drawn, and whether its figures are good. Nothing here reads a clock or a
network.
"""
