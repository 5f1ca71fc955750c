"""Why there is nothing, or nothing new, to see, and what to do about it.

"The graph is empty and I do not know why" is the loudest complaint about service graphs, so every empty or
stale page names its reason and offers the way out.
"""

import dataclasses
import datetime as dt

from dashboard.client import duration, faults
from dashboard.web import feed, state

_TITLES: tuple[tuple[type[faults.Fault], str], ...] = (
    (faults.Excessive, "Too much is asked for"),
    (faults.Unreachable, "The API cannot be reached"),
    (faults.Denied, "The API refuses to answer"),
    (faults.NotServed, "There is no TrafficMetrics API"),
    (faults.Unconfigured, "The dashboard's kubeconfig is not usable"),
    (faults.Failed, "The API has no figures"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`covers` when there is nothing behind it; the flags say which buttons help."""

    title: str
    text: str
    covers: bool
    fault: bool = False
    widen: bool = False
    clear: bool = False
    name_one: bool = False


def about(reading: feed.Reading, seen: state.State) -> Notice | None:
    """None when there is a graph, it is fresh and it has traffic."""
    graph = reading.graph
    if reading.fault:
        return _failed(reading, seen)
    if graph is None or not graph.nodes:
        return _empty(seen)
    if graph.idle:
        return Notice(
            title=f"No requests in the last {seen.window}",
            text="Everything shown is idle. Widen the window or send some traffic.",
            covers=False,
            widen=_can_widen(seen),
        )
    return None


def _failed(reading: feed.Reading, seen: state.State) -> Notice:
    fault = reading.fault
    title = next(title for sort, title in _TITLES if isinstance(fault, sort))
    if reading.graph is None or reading.good is None:
        return Notice(
            title=title,
            text=str(fault),
            covers=True,
            fault=True,
            clear=bool(seen.namespaces),
            # Who may not read all namespaces may often read some.
            name_one=isinstance(fault, faults.Denied) and not isinstance(fault, faults.Unauthenticated),
        )
    return Notice(
        title=f"Stale since {clock(reading.good)}",
        text=f"{title}: {fault}",
        covers=False,
        fault=True,
    )


def _empty(seen: state.State) -> Notice:
    what = {"workloads": "workload", "pods": "pod", "services": "service"}[seen.kind]
    if seen.namespaces:
        return Notice(
            title=f"Nothing in {', '.join(seen.namespaces)}",
            text=f"No {what} of the chosen namespaces reported traffic in the last {seen.window}. "
            "Show all namespaces or widen the window.",
            covers=True,
            widen=_can_widen(seen),
            clear=True,
        )
    return Notice(
        title=f"No traffic in the last {seen.window}",
        text=f"The API answers, but knows of no {what}. Widen the window, or check that the proxies "
        "of the mesh are scraped by the server's Prometheus.",
        covers=True,
        widen=_can_widen(seen),
    )


def wider(seen: state.State) -> str:
    """The next wider window, or the widest."""
    place = state.WINDOWS.index(seen.window)
    return state.WINDOWS[min(place + 1, len(state.WINDOWS) - 1)]


def clock(moment: dt.datetime) -> str:
    """A time of day; which zone it is in is said with it."""
    return f"{moment.astimezone(dt.UTC):%H:%M:%S} UTC"


def window_words(seen: state.State, used: float) -> str:
    """`30s`, or `1m (30s asked)` when the server had to widen it."""
    if not used or used == duration.parse(seen.window):
        return seen.window
    return f"{duration.spell(used)} ({seen.window} asked)"


def _can_widen(seen: state.State) -> bool:
    return wider(seen) != seen.window
