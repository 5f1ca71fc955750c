"""Whether figures are good.

What belongs here: thresholds and the verdicts they lead to; pure.

What does not: colours, icons and words for a verdict. Those are the page's and the terminal's.
"""
