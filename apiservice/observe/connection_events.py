"""Why a connection ends, as it is counted."""

import enum


class Cut(enum.Enum):
    """Why a connection was ended before its client ended it."""

    HANDSHAKE = "handshake"
    """TLS was not agreed on."""
    HEAD = "head"
    """The head of a request was not finished in time."""
    IDLE = "idle"
    UNTAKEN = "untaken"
    """The client did not take its answer."""
    ROOM = "room"
    """Another one needed its place."""
    MEMORY = "memory"
    """It held the most when all held too much."""
    FULL = "full"
    """It came when all places were in use."""
