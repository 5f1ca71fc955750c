"""What a user of a standalone server holds: a bearer token, and a kubeconfig that carries it.

Both are for their owner's eyes only. A token that somebody chose must be as hard to guess as a password of an
administrator; one that is generated always is.
"""

import base64
import pathlib
import re
import secrets

import yaml

from apiservice.runtime import files

_PRIVATE = 0o600
_TOKEN_BYTES = 32


_SHORTEST = 16
_FEWEST = 8
"""Different characters: `aaaaaaaaaaaaaaaa` is long and is guessed at once."""


def token(path: pathlib.Path) -> str:
    """The token in the file, which is made on first use. Raises `OSError`, `ValueError`."""
    try:
        content = files.read(path)
    except FileNotFoundError:
        content = f"{secrets.token_urlsafe(_TOKEN_BYTES)}\n".encode()
        files.write(path, content=content, mode=_PRIVATE)
    return chosen(content)


def chosen(content: bytes) -> str:
    """The token that is the content of a file. Raises `ValueError`, which does not hold it."""
    anew = "delete it to have a new token made"
    found = content.removeprefix(b"\xef\xbb\xbf").strip()
    if not found:
        raise ValueError(f"the token file is empty: {anew}")
    if re.fullmatch(rb"[!-~]+", found) is None:
        raise ValueError(f"the token file holds more than one word, or what no token holds: {anew}")
    if len(found) < _SHORTEST or len(set(found)) < _FEWEST:
        raise ValueError(
            f"the token is easily guessed: {anew}, or write one of at least {_SHORTEST} characters, "
            f"{_FEWEST} of them different"
        )
    return found.decode("ascii")


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
