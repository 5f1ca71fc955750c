"""The HTTP server: sockets, limits, and the way of one request from its credential to its answer."""
