"""A profile pack: a directory with profiles, such as a ConfigMap that is mounted into a pod.

Its files are those whose names end in `.yaml` or `.yml`; hidden files and directories are ignored, because
Kubernetes keeps the versions of a mounted ConfigMap in such.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from metrics_server.profiles import loading, schema, strict_yaml

_ENDINGS = (".yaml", ".yml")
_MOST = 100
"""Files in a pack."""

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Name, time of change (ns), size (bytes) and inode of each file: it changes with the files."""


def load(folder: Path) -> tuple[schema.Profile, ...]:
    """Return the profiles in a directory, sorted by file. Raises loading.BadProfile with all mistakes."""
    found: dict[str, schema.Profile] = {}
    faults = []
    for path in _files(folder):
        try:
            mesh = loading.load(path)
        except loading.BadProfile as error:
            faults.append(str(error))
            continue
        if mesh.name in found:
            faults.append(
                f"{strict_yaml.named(path)}: another file has the name {mesh.name!r}, too; rename one"
            )
        found[mesh.name] = mesh
    if faults:
        raise loading.BadProfile("\n".join(faults))
    return tuple(found.values())


def fingerprint(folder: Path) -> Fingerprint:
    """Return what shows whether the files have changed. Raises loading.BadProfile."""
    try:
        return tuple((path.name, *_changed(path)) for path in _files(folder))
    except OSError as error:
        raise _unreadable(folder, error) from error


def _changed(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _files(folder: Path) -> Sequence[Path]:
    """Return the files of a pack by name. Raises loading.BadProfile."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (OSError, ValueError) as error:
        raise _unreadable(folder, error) from error
    found = [folder / name for name in names if name.endswith(_ENDINGS) and not name.startswith(".")]
    if len(found) > _MOST:
        raise loading.BadProfile(
            f"{strict_yaml.named(folder)}: holds {len(found)} files; give at most {_MOST} profiles"
        )
    return found


def _unreadable(folder: Path, error: Exception) -> loading.BadProfile:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return loading.BadProfile(
        f"{strict_yaml.named(folder)}: cannot be read: {reason}; give a directory with profiles"
    )
