"""Reasons for which the server ends a connection: label values of `apiserver_connections_cut_total`."""

import enum


class Cut(enum.Enum):
    """Why the server ended a connection before its client did."""

    HANDSHAKE = "handshake"
    """The TLS handshake failed or did not end in time."""
    HEAD = "head"
    """The head of a request did not end in time."""
    IDLE = "idle"
    """No request came in time."""
    UNTAKEN = "untaken"
    """The client did not read its answer in time."""
    ROOM = "room"
    """The limit of connections was reached, and a new connection took its place."""
    MEMORY = "memory"
    """The memory limit of all connections was reached, and this one used most."""
    FULL = "full"
    """The limit of connections was reached, and no other connection could be ended for this new one."""
