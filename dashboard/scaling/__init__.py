"""Explain what a HorizontalPodAutoscaler computes from its metrics.

What belongs here: the arithmetic of the HPA controller, its requests to the metrics APIs, and the findings:
what is wrong and what to do.

What does not: how a report is printed. Nothing here is slow to import, because the terminal uses it.
"""
