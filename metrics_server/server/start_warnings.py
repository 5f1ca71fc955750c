"""Warnings at the start: unknown variables `TRAFFIC_…`, and secrets that other users can read.

They do not stop the start. Other programs have variables with the same prefix. In a cluster there is no
warning about secrets, as only this server runs in the container that mounts them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from apiservice.runtime import files
from metrics_server.settings import mistakes, options, settings

_OURS = "TRAFFIC_"
_OTHERS = re.compile(
    # Variables of the dashboard; and those that Kubernetes sets in each pod for a Service named traffic.
    r"TRAFFIC_(DASHBOARD_.*|(.*_)?SERVICE_(HOST|PORT)(_.*)?|(.*_)?PORT(_\d+_(TCP|UDP|SCTP)(_.*)?)?)"
)
_SHOWN = 60
"""Characters of a name that are shown."""
_MOST = 20
"""Variables that are named at most."""
SECRETS = tuple(one.name for one in options.every() if one.about.secret)
"""The settings that name the file of a secret."""


def warnings(chosen: settings.Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Return the warnings, one line each."""
    yield from _strays(environment)
    if chosen.cluster is None:
        yield from _exposed(chosen)


def _strays(environment: Mapping[str, str]) -> Iterator[str]:
    known = [f"{_OURS}{name.upper()}" for name in settings.Settings.model_fields]
    strays = sorted(
        name
        for name in environment
        if name.upper().startswith(_OURS)
        and name.upper() not in known
        and not _OTHERS.fullmatch(name.upper())
    )
    for name in strays[:_MOST]:
        begun = [one for one in known if one.startswith(f"{name.upper()}_")]
        near = begun or difflib.get_close_matches(name.upper()[:_SHOWN], known, n=1)
        hint = (
            f"; did you mean {near[0]}?" if near else "; remove it, or look for its name in the documentation"
        )
        yield f"the variable {files.shown(name)[:_SHOWN]} is not a setting of this server{hint}"


def _exposed(chosen: settings.Settings) -> Iterator[str]:
    for name in SECRETS:
        path = getattr(chosen, name)
        if name in chosen.model_fields_set and path is not None and (advice := files.exposed(path)):
            yield f"{mistakes.option(name)}: {advice}"
    for name in ("ca.pem", "serving.pem"):
        if advice := files.exposed(chosen.state / name):
            yield f"{mistakes.option('state')}: {advice}"
