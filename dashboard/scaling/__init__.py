"""What a HorizontalPodAutoscaler makes of the figures it gets.

What belongs here: the HPA controller's own arithmetic, asking its questions in its place, and the findings:
what is wrong, in words, and what to do.

What does not: how a report is printed. Nothing here is slow to import, because the terminal uses it.
"""
