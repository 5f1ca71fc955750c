"""The query of a URL, parsed at its first use.

So the query of a request that cannot be authenticated is never parsed, whatever its length.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import yarl

from apiservice.http import errors

_MOST = 1000
"""Parameters. kubectl sends fewer than ten."""
NOTHING: Mapping[str, str] = {}


def of(url: yarl.URL) -> Mapping[str, str]:
    """The first value of each parameter of the query.

    Any access to its content raises `BadRequest` if there are more than 1000 parameters.
    """
    return _Query(url) if url.raw_query_string else NOTHING


def parsed(query: Mapping[str, str]) -> Mapping[str, str]:
    """The same query, parsed now; it is faster to read. Raises `BadRequest` as above."""
    return query.parsed() if isinstance(query, _Query) else query


class _Query(Mapping[str, str]):
    __slots__ = ("_parsed", "_url")

    def __init__(self, url: yarl.URL) -> None:
        self._url = url
        self._parsed: Mapping[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        return self.parsed()[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.parsed().get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self.parsed()

    def __iter__(self) -> Iterator[str]:
        return iter(self.parsed())

    def __len__(self) -> int:
        return len(self.parsed())

    def parsed(self) -> Mapping[str, str]:
        if self._parsed is None:
            if self._url.raw_query_string.count("&") >= _MOST:
                raise errors.BadRequest(f"the query has more than {_MOST} parameters")
            self._parsed = self._url.query
        return self._parsed
