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


PER_TOKEN, PER_ADDRESS, IN_TOTAL = RateLimit(3), RateLimit(60), RateLimit(600)


class LoginThrottle:
    """Counts recent failed logins. Safe to use from several threads."""

    def __init__(
        self,
        *,
        token: RateLimit = PER_TOKEN,
        address: RateLimit = PER_ADDRESS,
        total: RateLimit = IN_TOTAL,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = (token, address, total)
        self._now = now
        self._counts: collections.OrderedDict[Hashable, tuple[float, float]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def is_blocked(self, address: str, token: bytes, *, accepted_before: bool = False) -> bool:
        """Whether a login must be refused now. `token` is the digest of the token.

        If the API accepted the token before, the failures of other tokens do not count.
        """
        with self._lock:
            limits = list(zip(self._keys(address, token), self._limits, strict=True))
            return any(
                self._current_count(key, limit) > limit.failures - 1
                for key, limit in limits[: 1 if accepted_before else 3]
            )

    def record_failure(self, address: str, token: bytes) -> None:
        """Count a failed login. `token` is the digest of the token."""
        with self._lock:
            for key, limit in zip(self._keys(address, token), self._limits, strict=True):
                self._counts[key] = (self._current_count(key, limit) + 1, self._now())
                self._counts.move_to_end(key)
            while len(self._counts) > _MOST_KEYS:
                self._counts.popitem(last=False)

    def _keys(self, address: str, token: bytes) -> tuple[Hashable, Hashable, Hashable]:
        network = address_key(address)
        return (network, token), network, None

    def _current_count(self, key: Hashable, limit: RateLimit) -> float:
        count, counted_at = self._counts.get(key, (0.0, 0.0))
        return max(0.0, count - (self._now() - counted_at) * limit.failures / limit.seconds)


def address_key(address: str) -> str:
    """The key of an address: IPv4 as it is, the /64 network of IPv6, other text unchanged."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed.packed, 64), strict=False))
    return str(parsed)
