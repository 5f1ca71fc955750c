"""`kubectl traffic`: the figures of the API in a terminal.

What belongs here: commands, their tables and exit codes, in the style of kubectl: tables without borders, one
line for an error, colour only in a terminal.

What does not: slow imports such as dash, plotly or numpy.
"""
