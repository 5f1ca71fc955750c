"""The command `check`: what a server would see in a backend, what it would not see, and why.

It is for operators: unlike the API, it shows queries, addresses and error texts. It sends the queries that
the server sends, in the same forms and with the same matchers, through another HTTP library, so that a fault
of the server's own client can be distinguished from one of the backend. What it finds is a line of `report`;
whatever has a remedy says it. Nothing here is used by the server.
"""
