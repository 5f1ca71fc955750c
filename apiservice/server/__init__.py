"""The HTTP server: sockets, limits of connections, and the steps of a request from credential to answer."""
