"""Decide whether traffic is healthy.

What belongs here: thresholds and verdicts; pure.

What does not: colours, icons and labels of a verdict, which belong to the page and the terminal.
"""
