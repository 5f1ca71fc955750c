"""The message on an empty or stale page: the reason and what to do.

Users of service graphs complain most about empty graphs without a reason, so each such page has one, and
buttons that help.
"""

import dataclasses
import datetime as dt

from dashboard.client import duration, faults
from dashboard.web import feed, state

_TITLES: tuple[tuple[type[faults.Fault], str], ...] = (
    (faults.Excessive, "Too many requests or namespaces"),
    (faults.Unreachable, "The API cannot be reached"),
    (faults.Denied, "The API refuses the request"),
    (faults.NotServed, "The TrafficMetrics API is not available"),
    (faults.Unconfigured, "The dashboard's configuration has a mistake"),
    (faults.Failed, "The API returned an error"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message. `covers` is whether it replaces the graph; `widen`, `clear` and `name_one` show a button."""

    title: str
    text: str
    covers: bool
    fault: bool = False
    widen: bool = False
    clear: bool = False
    name_one: bool = False


def about(reading: feed.Reading, shown: state.State) -> Notice | None:
    """The notice about a reading; None if the graph is fresh and has requests."""
    graph = reading.graph
    if reading.fault:
        return _failed(reading, shown)
    if graph is None or not graph.nodes:
        return _empty(shown)
    if graph.idle:
        return Notice(
            title=f"No requests in the last {shown.window}",
            text="All resources are idle. Widen the window or send some requests.",
            covers=False,
            widen=_can_widen(shown),
        )
    return None


def _failed(reading: feed.Reading, shown: state.State) -> Notice:
    fault = reading.fault
    title = next(title for fault_type, title in _TITLES if isinstance(fault, fault_type))
    if reading.graph is None or reading.succeeded_at is None:
        return Notice(
            title=title,
            text=str(fault),
            covers=True,
            fault=True,
            clear=bool(shown.namespaces),
            # Many viewers may read some namespaces but not all.
            name_one=isinstance(fault, faults.Denied) and not isinstance(fault, faults.Unauthenticated),
        )
    return Notice(
        title=f"Stale since {clock(reading.succeeded_at)}",
        text=f"{title}: {fault}",
        covers=False,
        fault=True,
    )


def _empty(shown: state.State) -> Notice:
    noun = {"workloads": "workload", "pods": "pod", "services": "service"}[shown.kind]
    if shown.namespaces:
        return Notice(
            title=f"No traffic in {', '.join(shown.namespaces)}",
            text=f"No {noun} in the chosen namespaces reported traffic in the last {shown.window}. "
            "Show all namespaces or widen the window.",
            covers=True,
            widen=_can_widen(shown),
            clear=True,
        )
    return Notice(
        title=f"No traffic in the last {shown.window}",
        text=f"The API answers, but has no {noun}. Widen the window, or check that the server's Prometheus "
        "scrapes the proxies of the mesh.",
        covers=True,
        widen=_can_widen(shown),
    )


def wider(shown: state.State) -> str:
    """The next longer window, or the longest."""
    index = state.WINDOWS.index(shown.window)
    return state.WINDOWS[min(index + 1, len(state.WINDOWS) - 1)]


def clock(moment: dt.datetime) -> str:
    """A time of day with its zone: `12:30:05 UTC`."""
    return f"{moment.astimezone(dt.UTC):%H:%M:%S} UTC"


def window_text(shown: state.State, used: float) -> str:
    """`30s`, or `1m (30s requested)` if the server used a longer one."""
    if not used or used == duration.parse(shown.window):
        return shown.window
    return f"{duration.text(used)} ({shown.window} requested)"


def _can_widen(shown: state.State) -> bool:
    return wider(shown) != shown.window
