"""How short and how long a window may be, in seconds."""

SHORTEST = 1.0
LONGEST = 3600.0
