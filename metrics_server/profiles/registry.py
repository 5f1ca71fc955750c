"""Selects the profiles that a setting names, and loads the policy for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from metrics_server.profiles import policy, schema

AUTO = "auto"
_SHOWN = 80
"""Characters of an unknown name that a message quotes."""


def choose(text: str) -> tuple[schema.Profile, ...]:
    """Return the profiles that a setting names, in order of precedence.

    `text`: names and files separated by commas. `auto` stands for all shipped profiles with `auto: true`,
    and a name with `-` before it is left out. Raises schema.BadProfile for an unknown name, a bad file, a
    name that two files share, or no profile at all.
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
                raise schema.BadProfile(f"{part}: another profile has the name {mesh.name!r}, too")
            chosen[mesh.name] = mesh
    kept = [mesh for name, mesh in chosen.items() if name not in left_out]
    if not kept:
        raise schema.BadProfile(
            f"{text[:_SHOWN]!r} names no profile; give {AUTO}, or one of {', '.join(shipped)}"
        )
    return tuple(sorted(kept, key=lambda mesh: (mesh.fallback, mesh.name)))


def _one(name: str, shipped: dict[str, schema.Profile]) -> schema.Profile:
    """Return the profile for a name or a file. Raises schema.BadProfile."""
    if name in shipped:
        return shipped[name]
    if "/" in name or name.endswith((".yaml", ".yml")):
        return schema.load(Path(name))
    raise schema.BadProfile(
        f"no profile is called {name[:_SHOWN]!r}; shipped are {', '.join(shipped)}; a file ends in .yaml"
    )


def decided(path: Path | None, meshes: Sequence[schema.Profile]) -> policy.Policy:
    """Return the policy in a file, the default policy without one.

    Raises policy.BadPolicy for an invalid file, or one that names a profile other than `meshes`.
    """
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
