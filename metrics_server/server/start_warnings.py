"""What is worth a warning at the start: variables that mean nothing, and secrets that others can read.

Neither stops it. Other programs have variables of the same beginning, and in a cluster the files of a Secret
may be read by everybody in the container, which is nobody else.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from apiservice.runtime import files
from metrics_server.settings import options, settings

_OURS = "TRAFFIC_"
_OTHERS = re.compile(
    # Of the dashboard; and what Kubernetes sets in each pod for a Service called traffic.
    r"TRAFFIC_(DASHBOARD_.*|(.*_)?SERVICE_(HOST|PORT)(_.*)?|(.*_)?PORT(_\d+_(TCP|UDP|SCTP)(_.*)?)?)"
)
_SHOWN = 60
"""Characters of a name."""
_MOST = 20
"""Variables that are told."""
SECRETS = tuple(one.name for one in options.every() if one.about.secret)
"""The settings that name a secret's file."""


def warnings(chosen: settings.Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Say what somebody should look at, a line each."""
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
        yield f"the variable {files.shown(name)[:_SHOWN]} is none of this server's settings{hint}"


def _exposed(chosen: settings.Settings) -> Iterator[str]:
    for name in SECRETS:
        path = getattr(chosen, name)
        if name in chosen.model_fields_set and path is not None and (advice := files.exposed(path)):
            yield f"{settings.option(name)}: {advice}"
    for name in ("ca.pem", "serving.pem"):
        if advice := files.exposed(chosen.state / name):
            yield f"{settings.option('state')}: {advice}"
