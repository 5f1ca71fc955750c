"""docs/meshes.md: words of people, and between two marks the table of what each profile says of its mesh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from metrics_server import parties, profile, words

FILE = Path(__file__).resolve().parents[2] / "docs" / "meshes.md"
_BEGIN, _END = "<!-- table: python -m tests.dialects -->", "<!-- end of table -->"
_HEAD = (
    "mesh",
    "what is read",
    "sides",
    "the called one is named by",
    "who called is known",
    "latency",
    "not known",
)


def written() -> str:
    """The page as it should be."""
    before, begin, rest = FILE.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}\n\n{_table()}\n\n{end}{after}"


def example() -> str:
    """The profile that the page shows."""
    return FILE.read_text().partition("```yaml\n")[2].partition("```")[0]


def _table() -> str:
    rows = [_HEAD, ["---"] * len(_HEAD), *(_row(mesh) for mesh in profile.shipped())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(mesh: profile.Profile) -> list[str]:
    sides = {view.side: view for view in mesh.views}
    client, server = sides.get(words.Side.CLIENT), sides.get(words.Side.SERVER)
    return [
        f"`{mesh.name}`",
        mesh.about,
        ", ".join(sides),
        " and ".join(_grains(client.peer)) if client and client.peer else "no",
        "yes" if server and server.peer else "no",
        ", ".join(sorted({f"histogram in {view.latency.unit}" for view in mesh.views if view.latency})),
        "; ".join(dict.fromkeys(f"{view.side}: {one}" for view in mesh.views for one in view.unknown)),
    ]


def _grains(peer: parties.Party) -> Iterator[str]:
    if isinstance(peer, parties.Named):
        yield "service, by a name in one label"
        return
    if peer.pod:
        yield "pod"
    if peer.workload or peer.kinds:
        yield "workload with its kind" if peer.kinds else "workload"
    if peer.service:
        yield "service"
