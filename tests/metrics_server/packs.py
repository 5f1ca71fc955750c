"""Profile packs for tests."""

from __future__ import annotations

import os
from pathlib import Path

TOY = """
name: %s
about: A mesh in ten lines
views:
  - side: client
    requests: toy_requests_total
    appears: with first request
    outcome: [{is: success}]
    peer: {workload: [to]}
"""


def write(folder: Path, version: int, **files: str) -> None:
    """Change the files at once, as the kubelet changes a mounted ConfigMap."""
    content = folder / f"..{version}"
    content.mkdir(parents=True)
    for name, text in files.items():
        (content / f"{name}.yaml").write_text(text)
        if not (folder / f"{name}.yaml").is_symlink():
            (folder / f"{name}.yaml").symlink_to(Path("..data") / f"{name}.yaml")
    (folder / "..new").symlink_to(content.name)
    os.replace(folder / "..new", folder / "..data")
