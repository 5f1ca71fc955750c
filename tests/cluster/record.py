"""What a running cluster writes down, so that any process can end it and remove what it left."""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path

from demo import faults


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    name: str
    nodes: bool
    pid: int
    """The process that made the cluster; the programs are its children."""
    sysctls: Mapping[str, str]
    """The values to restore."""

    def write(self, path: Path) -> None:
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")
        fresh.rename(path)


def read(path: Path) -> Record | None:
    """Return None if no cluster left a record."""
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text())
        return Record(**content)
    except (ValueError, TypeError) as error:
        raise faults.DemoError(
            f"{path} is no record of a cluster: {error}; was it written by another version?"
        ) from error
