"""What a viewer looks at, as the page's address says it.

The address is the only place this lives, so a link shows a colleague the same view and the back button works.
What is as usual is left out of it, and what it says wrongly counts as unsaid: an old link still opens.
"""

import dataclasses
import urllib.parse

WINDOWS = ("30s", "1m", "5m", "15m")
REFRESHES = {"pause": 0, "2s": 2, "5s": 5, "10s": 10, "30s": 30}  # seconds
KINDS = {"workloads": None, "pods": "Pod", "services": "Service"}
FINDS = ("all", "failing", "slow")
VIEWS = ("graph", "table")
GROUPINGS = ("auto", "open", "closed")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the API has to be asked to show a state: the key of the feed's cache."""

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
    def question(self) -> Question:
        return Question(namespaces=self.namespaces, window=self.window, kind=self.kind)

    @property
    def seconds(self) -> int:
        """Between two refreshes; 0 is never."""
        return REFRESHES[self.refresh]


_USUAL = State()
_CHOICES: dict[str, tuple[str, ...]] = {
    "window": WINDOWS,
    "kind": tuple(KINDS),
    "refresh": tuple(REFRESHES),
    "find": FINDS,
    "view": VIEWS,
    "grouping": GROUPINGS,
}


def parse(query: str | None) -> State:
    """The state behind `?ns=shop,data&window=5m`."""
    said = dict(urllib.parse.parse_qsl((query or "").removeprefix("?")))
    chosen = {name: said[name] for name, allowed in _CHOICES.items() if said.get(name) in allowed}
    namespaces = {part.strip() for part in said.get("ns", "").split(",")}
    return State(
        namespaces=tuple(sorted(namespaces - {""})),
        search=said.get("search", ""),
        selected=said.get("selected", ""),
        **chosen,
    )


def spell(state: State) -> str:
    """The shortest address of a state; empty when all is as usual."""
    said = {"ns": ",".join(state.namespaces)} if state.namespaces else {}
    for name in (*_CHOICES, "search", "selected"):
        if (value := getattr(state, name)) != getattr(_USUAL, name):
            said[name] = value
    return f"?{urllib.parse.urlencode(said, safe=',/:>')}" if said else ""
