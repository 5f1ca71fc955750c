"""A mesh's folder: its files, and a lock so that only one mesh uses it at a time."""

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from demo import faults


@dataclasses.dataclass(frozen=True, slots=True)
class Folder:
    path: Path

    @property
    def inventory(self) -> Path:
        return self.path / "inventory.yaml"

    @property
    def addresses(self) -> Path:
        """The file with the addresses of the running mesh."""
        return self.path / "mesh.json"

    @property
    def scratch(self) -> Path:
        """Created anew by every mesh."""
        return self.path / "mesh"

    @property
    def logs(self) -> Path:
        return self.scratch / "logs"

    @property
    def sidecars(self) -> Path:
        return self.scratch / "envoy"

    @property
    def certificates(self) -> Path:
        return self.scratch / "certificates"

    @property
    def prometheus(self) -> Path:
        return self.scratch / "prometheus"


@contextlib.contextmanager
def lock(folder: Path, *, name: str) -> Iterator[None]:
    """The kernel releases the lock when the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise faults.DemoError(
                f"another {name} is running in {folder}; end it, or give another --state"
            ) from None
        yield


def write(path: Path, text: str) -> None:
    """Write a file atomically, because readers wait for it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    draft.replace(path)


def control_url(folder: Path) -> str:
    """The control address of the running mesh. Raises a `DemoError` if none is running."""
    try:
        found: Mapping[str, str] = json.loads(Folder(folder).addresses.read_text())
    except FileNotFoundError:
        raise faults.DemoError(f"no mesh is running in {folder}; start one, or give its --state") from None
    return found["control_url"]
