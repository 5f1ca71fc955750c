"""`kubectl traffic`: the same figures in a terminal.

What belongs here: commands, their tables and their exit codes, all in kubectl's manners: no borders, one
sentence for an error, colour only for people.

What does not: anything that makes the start slow. No dash, no plotly, no numpy, and rich only where a command
needs it.
"""
