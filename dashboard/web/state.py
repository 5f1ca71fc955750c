"""The view of the page, which is stored in its address.

The address is the only place for it, so a link shows the same view and the back button works. Defaults are
left out, and invalid values count as the default, so that old links still open. Text longer than any name is
cut.
"""

import dataclasses
import urllib.parse
from collections.abc import Iterable

WINDOWS = ("30s", "1m", "5m", "15m")
REFRESHES = {"pause": 0, "2s": 2, "5s": 5, "10s": 10, "30s": 30}  # seconds
KINDS = {"workloads": None, "pods": "Pod", "services": "Service"}
MOST_NAMESPACES = 200
"""In one request. More are refused, because a part of them would look like all of them."""
_LONGEST_ADDRESS = 64 * 1024  # characters, as many as the server accepts
_LONGEST_NAME = 253  # characters of the name of a Kubernetes object
_LONGEST_SELECTION = 4 * (_LONGEST_NAME + 64)  # kind, namespace and name of both ends of an edge
_MOST_FIELDS = 64
FINDS = ("all", "failing", "slow")
VIEWS = ("graph", "table")
GROUPINGS = ("auto", "open", "closed")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GraphRequest:
    """The request to the API for a state; the key of the feed's cache."""

    namespaces: tuple[str, ...] = ()
    window: str = "30s"
    kind: str = "workloads"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One view. `selected` is the id of a node or edge, `search` a part of a name."""

    namespaces: tuple[str, ...] = ()
    window: str = "30s"
    kind: str = "workloads"
    refresh: str = "5s"
    find: str = "all"
    view: str = "graph"
    grouping: str = "auto"
    search: str = ""
    selected: str = ""

    @property
    def graph_request(self) -> GraphRequest:
        """The request to the API for this state."""
        return GraphRequest(namespaces=self.namespaces, window=self.window, kind=self.kind)

    @property
    def seconds(self) -> int:
        """Seconds between two refreshes; 0 is never."""
        return REFRESHES[self.refresh]


_DEFAULT = State()
CHOICES: dict[str, tuple[str, ...]] = {
    "window": WINDOWS,
    "kind": tuple(KINDS),
    "refresh": tuple(REFRESHES),
    "find": FINDS,
    "view": VIEWS,
    "grouping": GROUPINGS,
}


def parse(query: str | None) -> State:
    """The state of an address such as `?ns=shop,data&window=5m`."""
    parameters = _parameters(query or "")
    chosen = {name: parameters[name] for name, allowed in CHOICES.items() if parameters.get(name) in allowed}
    return State(
        namespaces=namespace_names(parameters.get("ns", "").split(",")),
        search=parameters.get("search", "")[:_LONGEST_NAME],
        selected=parameters.get("selected", "")[:_LONGEST_SELECTION],
        **chosen,
    )


def namespace_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names of namespaces, each once and sorted, without invalid names."""
    stripped = {name.strip() for name in names}
    return tuple(sorted(name for name in stripped if 0 < len(name) <= _LONGEST_NAME and name.isprintable()))


def _parameters(query: str) -> dict[str, str]:
    if len(query) > _LONGEST_ADDRESS:
        return {}
    try:
        return dict(urllib.parse.parse_qsl(query.removeprefix("?"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def query_string(state: State) -> str:
    """The shortest address of a state; empty for the default state."""
    parameters = {"ns": ",".join(state.namespaces)} if state.namespaces else {}
    for name in (*CHOICES, "search", "selected"):
        if (value := getattr(state, name)) != getattr(_DEFAULT, name):
            parameters[name] = value
    return f"?{urllib.parse.urlencode(parameters, safe=',/:>')}" if parameters else ""
