"""Clients of the API: the web page and the terminal command.

What belongs here: the client of the wire format, the service graph and the health derived from it, the web
page and `kubectl traffic`.

What does not: anything that depends on how the server computes a figure. This package depends on
`docs/api.md` only, so the dashboard works with every server that follows that page.
"""
