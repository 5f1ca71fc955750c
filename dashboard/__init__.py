"""Everything that looks at the API from outside.

What belongs here: the client of the wire format, the service graph and health derived from it, and the two
places where people look at them, the web page and the terminal.

What does not: anything that knows how a number came to be. Only `docs/api.md` connects this package to the
server, so that the dashboard works with any server that keeps to that page.
"""
