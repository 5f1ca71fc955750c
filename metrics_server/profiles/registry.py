"""Which meshes are read, and what takes them: profiles by name or file, and an operator's policy of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from metrics_server.profiles import policy, schema

AUTO = "auto"
_SHOWN = 80
"""Characters of a name that is none."""


def choose(text: str) -> tuple[schema.Profile, ...]:
    """Return the profiles that a setting names, those to be believed first first.

    Raises profile.BadProfile: an unknown name, a bad file, the same name twice, or none at all.
    """
    shipped = {mesh.name: mesh for mesh in schema.shipped()}
    chosen: dict[str, schema.Profile] = {}
    left_out: set[str] = set()
    for part in filter(None, map(str.strip, text.split(","))):
        if part == AUTO:
            chosen = {**{name: mesh for name, mesh in shipped.items() if mesh.auto}, **chosen}
        elif part.startswith("-"):
            left_out.add(_one(part[1:], shipped).name)
        else:
            mesh = _one(part, shipped)
            if chosen.get(mesh.name, mesh) != mesh and mesh.name not in shipped:
                raise schema.BadProfile(f"{part}: another profile is called {mesh.name!r}, too")
            chosen[mesh.name] = mesh
    kept = [mesh for name, mesh in chosen.items() if name not in left_out]
    if not kept:
        raise schema.BadProfile(
            f"{text[:_SHOWN]!r} names no profile; give {AUTO}, or one of {', '.join(shipped)}"
        )
    return tuple(sorted(kept, key=lambda mesh: (mesh.fallback, mesh.name)))


def _one(name: str, shipped: dict[str, schema.Profile]) -> schema.Profile:
    if name in shipped:
        return shipped[name]
    if "/" in name or name.endswith((".yaml", ".yml")):
        return schema.load(Path(name))
    raise schema.BadProfile(
        f"no profile is called {name[:_SHOWN]!r}; shipped are {', '.join(shipped)}; a file ends in .yaml"
    )


def decided(path: Path | None, meshes: Sequence[schema.Profile]) -> policy.Policy:
    """Return the policy in a file, of these meshes. Raises policy.BadPolicy."""
    if path is None:
        return policy.Policy()
    found = policy.load(path)
    names = {mesh.name for mesh in meshes}
    if stray := sorted(found.named - names):
        raise policy.BadPolicy(
            f"{path}: names profiles that are not read: {', '.join(stray)}; "
            f"read are {', '.join(sorted(names))}"
        )
    return found
