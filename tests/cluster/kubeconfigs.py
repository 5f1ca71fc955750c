"""One self-contained kubeconfig for each client of the API server."""

import base64
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import certificates, places


def write(folder: places.Folder, *, place: places.Place, files: certificates.Files) -> None:
    for who in certificates.CLIENTS:
        path = folder.kubeconfig if who == certificates.ADMIN else folder.kubeconfig_of(who)
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(content(who, place=place, files=files), sort_keys=False))


def content(who: str, *, place: places.Place, files: certificates.Files) -> dict[str, Any]:
    cluster = {"server": place.server, "certificate-authority-data": _data(files.certificate("ca"))}
    user = {
        "client-certificate-data": _data(files.certificate(who)),
        "client-key-data": _data(files.key(who)),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": place.name, "cluster": cluster}],
        "users": [{"name": who, "user": user}],
        "contexts": [{"name": place.name, "context": {"cluster": place.name, "user": who}}],
        "current-context": place.name,
    }


def _data(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
