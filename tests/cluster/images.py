"""Container images, each of one static program, in the format of `docker save`: without builder or registry.

https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
"""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_PREFIX = "cluster.test"
_TAG = "1"


def name(program: str) -> str:
    """The name of the image; an image whose tag is not `latest` is not pulled if the node has it."""
    return f"{_PREFIX}/{program}:{_TAG}"


def write(program: Path, *, archive: Path) -> None:
    """Write the archive of an image that contains and runs only `program`."""
    layer = _tar({program.name: (program.read_bytes(), 0o755)})
    config = json.dumps(
        {
            "architecture": _MACHINES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [name(program.name)], "Layers": ["layer.tar"]}]
    files = {"manifest.json": json.dumps(manifest).encode(), config_name: config, "layer.tar": layer}
    archive.write_bytes(_tar({path: (content, 0o644) for path, content in files.items()}))


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for path, (content, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = mode
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()
