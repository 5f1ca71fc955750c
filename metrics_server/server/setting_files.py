"""Reading the files that settings name, and reporting the mistakes in all of them at once.

The start of the server stops at the first invalid file. An operator wants to see all mistakes before the next
attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from apiservice.runtime import files
from apiservice.x509 import pem_errors
from metrics_server.profiles import pack, policy, registry, schema
from metrics_server.server import inventory_source
from metrics_server.settings import mistakes, settings
from metrics_server.upstream import credential_files


def profiles(chosen: settings.Settings) -> tuple[schema.Profile, ...]:
    """Return the profiles in the settings, with those of the profile pack as it is now. Raises
    mistakes.BadSettings.
    """
    packed: tuple[schema.Profile, ...] = ()
    if chosen.profile_pack is not None:
        with mistakes.about("profile_pack"):
            packed = pack.load(chosen.profile_pack)
    with mistakes.about("profile"):
        return registry.choose(chosen.profile, pack=packed)


def decisions(chosen: settings.Settings, read: Sequence[schema.Profile]) -> policy.Policy:
    """Return the policy for these profiles. Raises mistakes.BadSettings."""
    with mistakes.about("policy"):
        return registry.decided(chosen.policy, read)


def all_mistakes(chosen: settings.Settings, *, first: mistakes.BadSettings) -> mistakes.BadSettings:
    """Return the mistakes in all files as one error; those in `first`, already found, come first."""
    lines = str(first).splitlines()
    for attempt in _attempts(chosen):
        try:
            attempt()
        except mistakes.BadSettings as error:
            lines.extend(str(error).splitlines())
    return mistakes.BadSettings("\n".join(dict.fromkeys(lines)))


def _attempts(chosen: settings.Settings) -> Iterator[Callable[[], object]]:
    yield lambda: credential_files.current(chosen)
    yield lambda: credential_files.fallback(chosen)
    yield lambda: _serving_pair(chosen)
    yield lambda: decisions(chosen, profiles(chosen))
    inventory = chosen.inventory
    if inventory is not None:
        yield lambda: inventory_source.of_file(chosen, inventory)


def _serving_pair(chosen: settings.Settings) -> None:
    if chosen.tls_certificate is None or chosen.tls_key is None:
        return
    pair = chosen.tls_certificate, chosen.tls_key
    with mistakes.about("tls_certificate", "tls_key", paths=pair):
        certificate, key = map(files.read, pair)
        pem_errors.check((pair[0], certificate), (pair[1], key))
