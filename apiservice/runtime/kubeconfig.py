"""The bearer token of a standalone server, and the kubeconfig that contains it.

Only the owner can read the two files. A token that a user writes must be as hard to guess as an
administrator's password; a generated one always is.
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
"""Characters."""
_FEWEST = 8
"""Different characters: `aaaaaaaaaaaaaaaa` is long and easily guessed."""


def token(path: pathlib.Path) -> str:
    """The token in the file, which is created with a new token if it is missing.

    Raises `OSError`, `ValueError`.
    """
    try:
        content = files.read(path)
    except FileNotFoundError:
        content = f"{secrets.token_urlsafe(_TOKEN_BYTES)}\n".encode()
        files.write(path, content=content, mode=_PRIVATE)
    return chosen(content)


def chosen(content: bytes) -> str:
    """The token that is the content of a file. Raises `ValueError`, whose message never has the token."""
    anew = "delete it to have a new token made"
    found = content.removeprefix(b"\xef\xbb\xbf").strip()
    if not found:
        raise ValueError(f"the token file is empty: {anew}")
    if re.fullmatch(rb"[!-~]+", found) is None:
        raise ValueError(
            f"the token file has more than one word, or characters that are not allowed in a token: {anew}"
        )
    if len(found) < _SHORTEST or len(set(found)) < _FEWEST:
        raise ValueError(
            f"the token is easily guessed: {anew}, or write one of at least {_SHORTEST} characters, "
            f"{_FEWEST} of them different"
        )
    return found.decode("ascii")


def write_kubeconfig(
    path: pathlib.Path, *, server: str, authority: bytes, bearer: str, name: str, namespace: str = "default"
) -> None:
    """Writes a kubeconfig with one cluster, user and context, all called `name`.

    `authority` is the CA in PEM, `bearer` the token. Raises `OSError`, `files.BadFile`.
    """
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
