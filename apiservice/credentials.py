"""What a user of a standalone server holds: a bearer token, and a kubeconfig that carries it.

Both are for their owner's eyes only.
"""

import base64
import pathlib
import secrets

import yaml

from apiservice import files

_PRIVATE = 0o600
_TOKEN_BYTES = 32


def token(path: pathlib.Path) -> str:
    """The token in the file, which is made on first use."""
    try:
        found = path.read_text("ascii").strip()
    except FileNotFoundError:
        found = secrets.token_urlsafe(_TOKEN_BYTES)
        files.write(path, content=f"{found}\n".encode(), mode=_PRIVATE)
    if not found:
        raise ValueError(f"the token file {path} is empty: delete it to have a new token made")
    return found


def write_kubeconfig(
    path: pathlib.Path, *, server: str, authority: bytes, bearer: str, name: str, namespace: str = "default"
) -> None:
    """A kubeconfig of one cluster, user and context, all called `name`. `authority` is the CA in PEM."""
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(authority).decode("ascii")}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": bearer}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
    files.write(path, content=yaml.safe_dump(content, sort_keys=False).encode(), mode=_PRIVATE)
