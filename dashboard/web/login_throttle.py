"""Limit failed logins.

Tokens cannot be guessed; the limits protect the API from requests about wrong tokens. Failures are counted
for a token from an address, for an address (which may be a whole company's) and in total, with rising limits.
Each count falls as time passes, so a full one still allows some attempts. Time is monotonic, so setting the
clock locks out no viewer.
"""

import collections
import dataclasses
import ipaddress
import threading
import time
from collections.abc import Callable, Hashable

_MOST_KEYS = 8192  # counts in memory; the one with the oldest failure is dropped first


@dataclasses.dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit: `failures` at once, and then the same number again in each `seconds`."""

    failures: int
    seconds: float = 60


OF_A_TOKEN, OF_AN_ADDRESS, OF_ALL = RateLimit(3), RateLimit(60), RateLimit(600)


class LoginThrottle:
    """Counts recent failed logins. Safe to use from several threads."""

    def __init__(
        self,
        *,
        token: RateLimit = OF_A_TOKEN,
        address: RateLimit = OF_AN_ADDRESS,
        everybody: RateLimit = OF_ALL,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rooms = (token, address, everybody)
        self._now = now
        self._levels: collections.OrderedDict[Hashable, tuple[float, float]] = collections.OrderedDict()
        self._guard = threading.Lock()

    def are_too_many(self, address: str, token: bytes, *, is_known: bool = False) -> bool:
        """Whether a login must be refused now. `token` is the digest of the token.

        For a token that the API accepted before (`is_known`), the failures of other tokens do not count.
        """
        with self._guard:
            kept = list(zip(self._keys(address, token), self._rooms, strict=True))
            return any(
                self._level(key, room) > room.failures - 1 for key, room in kept[: 1 if is_known else 3]
            )

    def failed(self, address: str, token: bytes) -> None:
        """Count a failed login. `token` is the digest of the token."""
        with self._guard:
            for key, room in zip(self._keys(address, token), self._rooms, strict=True):
                self._levels[key] = (self._level(key, room) + 1, self._now())
                self._levels.move_to_end(key)
            while len(self._levels) > _MOST_KEYS:
                self._levels.popitem(last=False)

    def _keys(self, address: str, token: bytes) -> tuple[Hashable, Hashable, Hashable]:
        where = network(address)
        return (where, token), where, None

    def _level(self, key: Hashable, room: RateLimit) -> float:
        level, then = self._levels.get(key, (0.0, 0.0))
        return max(0.0, level - (self._now() - then) * room.failures / room.seconds)


def network(address: str) -> str:
    """The key of an address: IPv4 as it is, the /64 network of IPv6, other text unchanged."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known.packed, 64), strict=False))
    return str(known)
