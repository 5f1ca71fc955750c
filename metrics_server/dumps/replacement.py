"""Replaces the words of names by other words, always the same by the same, and keeps what is no name.

A name is replaced word by word, so that names that contain each other still do: `shop-cart-80@docker` and the
service `cart` in `shop`. A replacement has the length and the kinds of letters of its word, because hashes in
the names of pods are known by these. Words that profiles look for, numbers of up to five digits and the names
of Kubernetes' kinds stay.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable, Iterator

from metrics_server.model import kinds
from metrics_server.profiles import schema

_IPV4 = re.compile(r"(?<![0-9.])(?:\d{1,3}([.\-_]))\d{1,3}\1\d{1,3}\1\d{1,3}(?![0-9]|[.]\d)")
_IPV6 = re.compile(r"(?<![0-9a-zA-Z:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![0-9a-zA-Z:])")
_ADDRESS = re.compile(f"{_IPV4.pattern}|{_IPV6.pattern}")
_WORD = re.compile(r"[^\W_]+")
_SYNTAX = re.compile(r"\(\?P<\w+>|\\.|\[[^\]]*\]|\{[^}]*\}")
_LETTERS = ("aeiou", "bcdf", "ghjklmnpqrstvwxz", "y", "2456789", "013")
"""Kinds of letters and digits: those of the hashes in names of pods, and hexadecimal ones, stay such."""
_HEX, _HEX_VOWELS = re.compile("[0-9a-f]{8,}"), "ae"
_CLASS = {letter: letters for letters in _LETTERS for letter in letters}
_SHORT_NUMBER = 5
"""Digits of a number that stays: a port, a code."""
_ATTEMPTS = 1000
_OTHERS = (
    "svc cluster local pod pods app io k8s name instance component part of version template hash default "
    "kubernetes unknown none true false http https http1 http2 grpc tcp udp tls get post put patch delete "
    "head options connect trace replicaset job cronjob replicationcontroller externalworkload "
    "workloadentry ip dump target prometheus 1xx 2xx 3xx 4xx 5xx ok cancelled invalid argument deadline "
    "exceeded not found already exists permission denied resource exhausted failed precondition aborted "
    "out range unimplemented internal unavailable data loss unauthenticated workload host remote inf nan"
)
"""Words of Kubernetes, of protocols and of their codes."""


class Replacements:
    """Replaces names. Two objects with the same key replace the same names by the same."""

    def __init__(self, key: bytes, profiles: Iterable[schema.Profile]) -> None:
        self._key = key
        known = (one.name.lower() for one in kinds.KINDS)
        self._kept = frozenset({*_OTHERS.split(), *known, *_words(profiles)})
        self._texts: dict[str, str] = {}
        """What was replaced: the values of labels repeat in very many lines."""
        self._words: dict[str, str] = {}
        self._used: set[str] = set()
        self._addresses: dict[str, str] = {}

    def of(self, text: str) -> str:
        """Return a text with other names."""
        if text not in self._texts:
            self._texts[text] = self._replaced(text)
        return self._texts[text]

    def _replaced(self, text: str) -> str:
        done, place = [], 0
        for start, end, replaced in self._of_addresses(text):
            done += [_WORD.sub(self._word, text[place:start]), replaced]
            place = end
        return "".join((*done, _WORD.sub(self._word, text[place:])))

    def _of_addresses(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where addresses are in a text, and what replaces each."""
        for found in _ADDRESS.finditer(text):
            separator = found[1] or ":"
            try:
                address = ipaddress.ip_address(found[0].replace(separator, ".") if found[1] else found[0])
            except ValueError:
                continue
            replaced = found[0] if _says_nothing(address) else self._address(address)
            yield found.start(), found.end(), replaced.replace(".", separator)

    def _address(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
        """Return another address of the same version."""
        known = str(address)
        if known not in self._addresses:
            number = len(self._addresses) + 1
            first = ipaddress.ip_address("10.0.0.0" if address.version == 4 else "fd00::")
            self._addresses[known] = str(first + number)
        return self._addresses[known]

    def _word(self, found: re.Match[str]) -> str:
        word, lower = found[0], found[0].lower()
        if lower in self._kept or (word.isdigit() and len(word) <= _SHORT_NUMBER):
            return word
        if lower not in self._words:
            self._words[lower] = self._unused(lower)
            self._used.add(self._words[lower])
        other = self._words[lower]
        if len(other) != len(word):
            return other
        return "".join(new.upper() if old.isupper() else new for old, new in zip(word, other, strict=True))

    def _unused(self, word: str) -> str:
        """Return a word that replaces no other one and stays nowhere."""
        for attempt in range(_ATTEMPTS):
            # A very short word has few others of its kind: it gets longer.
            given = word + "x" * (attempt // 100)
            digest = hmac.digest(self._key, f"{attempt}:{word}".encode(), hashlib.sha512)
            while len(digest) < len(given):
                digest += hmac.digest(self._key, digest, hashlib.sha512)
            vowels = _HEX_VOWELS if _HEX.fullmatch(word) else _LETTERS[0]
            letters = (vowels if letter in vowels else _CLASS.get(letter, vowels) for letter in given)
            other = "".join(kind[number % len(kind)] for kind, number in zip(letters, digest, strict=False))
            if other not in self._used and other not in self._kept and other != word:
                return other
        return f"word{len(self._words)}"


def _says_nothing(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback or address.is_unspecified


def _words(profiles: Iterable[schema.Profile]) -> Iterator[str]:
    """Yield the words that profiles look for in the values of labels."""
    for mesh in profiles:
        for pattern in mesh.patterns():
            yield from (word.lower() for word in _WORD.findall(_SYNTAX.sub(" ", pattern)))
