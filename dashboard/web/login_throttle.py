"""Who guesses wrongly too often has to wait, and nobody else.

Tokens cannot be guessed; this keeps the API from being asked about wrong ones without end. Failures are
counted for a token that comes from an address, for the address and for all together, each with more room:
the same wrong token again is refused soon; an address, behind which may be a whole company, much later; and
what all together may ask in vain is bounded as well. Each count goes down as time passes, so a full one still
lets some through. Time is monotonic: a clock that is set does not shut anybody out.
"""

import collections
import dataclasses
import ipaddress
import threading
import time
from collections.abc import Callable, Hashable

_MOST_KEYS = 8192  # remembered; the one that failed longest ago is forgotten first


@dataclasses.dataclass(frozen=True, slots=True)
class Room:
    """So many failures at once, and then as many again within `seconds`."""

    failures: int
    seconds: float = 60


OF_A_TOKEN, OF_AN_ADDRESS, OF_ALL = Room(3), Room(60), Room(600)


class Attempts:
    """Failures of late. Safe to use from several threads."""

    def __init__(
        self,
        *,
        token: Room = OF_A_TOKEN,
        address: Room = OF_AN_ADDRESS,
        everybody: Room = OF_ALL,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rooms = (token, address, everybody)
        self._now = now
        self._levels: collections.OrderedDict[Hashable, tuple[float, float]] = collections.OrderedDict()
        self._guard = threading.Lock()

    def are_too_many(self, address: str, token: bytes, *, is_known: bool = False) -> bool:
        """Whether a token, by its digest, is not to be asked about now.

        One that the API has accepted before (`is_known`) does not suffer from what others try.
        """
        with self._guard:
            kept = list(zip(self._keys(address, token), self._rooms, strict=True))
            return any(
                self._level(key, room) > room.failures - 1 for key, room in kept[: 1 if is_known else 3]
            )

    def failed(self, address: str, token: bytes) -> None:
        with self._guard:
            for key, room in zip(self._keys(address, token), self._rooms, strict=True):
                self._levels[key] = (self._level(key, room) + 1, self._now())
                self._levels.move_to_end(key)
            while len(self._levels) > _MOST_KEYS:
                self._levels.popitem(last=False)

    def _keys(self, address: str, token: bytes) -> tuple[Hashable, Hashable, Hashable]:
        where = network(address)
        return (where, token), where, None

    def _level(self, key: Hashable, room: Room) -> float:
        level, then = self._levels.get(key, (0.0, 0.0))
        return max(0.0, level - (self._now() - then) * room.failures / room.seconds)


def network(address: str) -> str:
    """An IPv4 address, or the /64 that one subscriber has of IPv6; what is neither stands for itself."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known.packed, 64), strict=False))
    return str(known)
