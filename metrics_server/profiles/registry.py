"""Selects the profiles that a setting names, and loads the policy for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from metrics_server.profiles import loading, policy, schema

AUTO = "auto"
_SHOWN = 80
"""Characters of an unknown name that a message quotes."""


def choose(text: str, *, pack: Sequence[schema.Profile] = ()) -> tuple[schema.Profile, ...]:
    """Return the profiles that a setting names, in order of precedence.

    `text`: names and files separated by commas. `auto` stands for all known profiles with `auto: true`, and a
    name with `-` before it is left out. Known are the shipped profiles and those of the `pack`, which replace
    shipped ones of the same names. Raises loading.BadProfile for an unknown name, a bad file, a name that two
    files share, or no profile at all.
    """
    known = {mesh.name: mesh for mesh in (*loading.shipped(), *pack)}
    chosen: dict[str, schema.Profile] = {}
    left_out: set[str] = set()
    for part in filter(None, map(str.strip, text.split(","))):
        if part == AUTO:
            chosen = {**{name: mesh for name, mesh in known.items() if mesh.auto}, **chosen}
        elif part.startswith("-"):
            left_out.add(_one(part[1:], known).name)
        else:
            mesh = _one(part, known)
            if chosen.get(mesh.name, mesh) != mesh and mesh.name not in known:
                raise loading.BadProfile(f"{part}: another profile has the name {mesh.name!r}, too")
            chosen[mesh.name] = mesh
    kept = [mesh for name, mesh in chosen.items() if name not in left_out]
    if not kept:
        raise loading.BadProfile(
            f"{text[:_SHOWN]!r} names no profile; give {AUTO}, or one of {', '.join(known)}"
        )
    return tuple(sorted(kept, key=lambda mesh: (mesh.fallback, mesh.name)))


def _one(name: str, known: dict[str, schema.Profile]) -> schema.Profile:
    """Return the profile for a name or a file. Raises loading.BadProfile."""
    if name in known:
        return known[name]
    if "/" in name or name.endswith((".yaml", ".yml")):
        return loading.load(Path(name))
    raise loading.BadProfile(
        f"no profile is called {name[:_SHOWN]!r}; known are {', '.join(known)}; a file ends in .yaml"
    )


def decided(path: Path | None, meshes: Sequence[schema.Profile]) -> policy.Policy:
    """Return the policy in a file, the default policy without one.

    Raises policy.BadPolicy for an invalid file, or one that names a profile other than `meshes`.
    """
    if path is None:
        return policy.Policy()
    found = policy.load(path)
    check_names(found, meshes, source=str(path))
    return found


def check_names(found: policy.Policy, meshes: Sequence[schema.Profile], *, source: str) -> None:
    """Raise policy.BadPolicy if a policy names a profile other than `meshes`. `source`: its file."""
    names = {mesh.name for mesh in meshes}
    if stray := sorted(found.named - names):
        raise policy.BadPolicy(
            f"{source}: names profiles that are not read: {', '.join(stray)}; "
            f"read are {', '.join(sorted(names))}"
        )
