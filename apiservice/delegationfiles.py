"""A delegation that its operator gives in files, instead of the one the cluster publishes or beside it."""

import pathlib
import time
from collections.abc import Callable

from apiservice import delegation, frontproxy, reloading, trust


class DelegationFiles:
    """Bundles of certificates in PEM. Both are re-read when they change; the headers are the usual ones."""

    def __init__(
        self,
        *,
        client_ca: pathlib.Path | None = None,
        front_proxy_ca: pathlib.Path | None = None,
        allowed_names: frozenset[str] = frozenset(),
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises `OSError` or `trust.BadAuthorities` where a file cannot be used from the start."""
        self._allowed_names = allowed_names
        self._clients = _Bundle(client_ca, every=every, clock=clock)
        self._proxies = _Bundle(front_proxy_ca, every=every, clock=clock)

    def current(self) -> delegation.Delegation:
        clients, proxies = self._clients.current(), self._proxies.current()
        if proxies is None:
            return delegation.Delegation(clients=clients)
        return delegation.Delegation(
            clients=clients,
            front_proxy=frontproxy.FrontProxy(
                authorities=proxies, allowed_names=self._allowed_names, uid_headers=("X-Remote-Uid",)
            ),
        )


class _Bundle:
    """One file, or none."""

    def __init__(self, path: pathlib.Path | None, *, every: float, clock: Callable[[], float]) -> None:
        self._file = (
            reloading.Reloading(
                (path,), make=lambda contents: trust.Authorities(contents[0]), every=every, clock=clock
            )
            if path is not None
            else None
        )

    def current(self) -> trust.Authorities | None:
        return self._file.current() if self._file is not None else None
