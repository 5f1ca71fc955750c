"""Damaged files, by the kind of content that they should have: a catalogue.

Each entry makes a file at a path. `ANY` has the damage that every file can have (absent, a directory, a pipe
without an end …); the others are for one kind of content.
"""

import codecs
import os
import pathlib
from collections.abc import Callable, Mapping
from datetime import timedelta

from cryptography.hazmat.primitives import serialization

from tests.apiservice import pki

Make = Callable[[pathlib.Path], object]

AUTHORITY = pki.authority("attacks")
PAIR = AUTHORITY.issue("server")
OTHER = AUTHORITY.issue("other")
EXPIRED = AUTHORITY.issue("old", begin=pki.NOW - timedelta(days=9), end=pki.NOW - timedelta(days=8))
ENCRYPTED = PAIR.key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"password"),
)


def content(data: bytes | str) -> Make:
    """A file with this content."""
    return lambda path: path.write_bytes(data.encode() if isinstance(data, str) else data)


def huge(path: pathlib.Path) -> None:
    """Make a file of a gigabyte that occupies no space on the disk."""
    with path.open("wb") as file:
        file.truncate(1 << 30)


ANY: Mapping[str, Make] = {
    "absent": lambda path: None,
    "a directory": lambda path: path.mkdir(),
    "a pipe without an end": os.mkfifo,
    "a device without an end": lambda path: path.symlink_to("/dev/zero"),
    "a device of random bytes": lambda path: path.symlink_to("/dev/urandom"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nowhere": lambda path: path.symlink_to(path.with_name("nowhere")),
    "a gigabyte": huge,
    "binary": content(bytes(range(256)) * 16),
    "in UTF-16": content(codecs.BOM_UTF16_LE + "key: value\n".encode("utf-16-le")),
    "NUL bytes": content(b"\x00" * 64),
}
EMPTY = {"empty": content(b""), "a blank line": content(b"\n")}

AUTHORITIES: Mapping[str, Make] = {
    **ANY,
    **EMPTY,
    "a key": content(PAIR.key_pem),
    "cut off": content(AUTHORITY.pem[: len(AUTHORITY.pem) // 2]),
    "half base64": content(AUTHORITY.pem.replace(b"MII", b"M\xc3\xbcI")[:-80]),
    "words": content("hello\n"),
    "in UTF-16 and PEM": content(AUTHORITY.pem.decode().encode("utf-16")),
}
CERTIFICATE: Mapping[str, Make] = {
    **ANY,
    **EMPTY,
    "a key": content(PAIR.key_pem),
    "another's": content(OTHER.pem),
    "cut off": content(PAIR.pem[: len(PAIR.pem) // 2]),
    "not base64": content(PAIR.pem.replace(b"M", b"!")),
    "words": content("hello\n"),
    "in UTF-16 and PEM": content(PAIR.pem.decode().encode("utf-16")),
    "DER": content(PAIR.der),
}
KEY: Mapping[str, Make] = {
    **ANY,
    **EMPTY,
    "a certificate": content(PAIR.pem),
    "another's": content(OTHER.key_pem),
    "encrypted": content(ENCRYPTED),
    "cut off": content(PAIR.key_pem[: len(PAIR.key_pem) // 2]),
    "not base64": content(PAIR.key_pem.replace(b"M", b"!")),
    "words": content("hello\n"),
    "in UTF-16 and PEM": content(PAIR.key_pem.decode().encode("utf-16")),
}
TOKEN: Mapping[str, Make] = {
    **ANY,
    **EMPTY,
    "two words": content("two words\n"),
    "a header more": content("token\r\nX-Evil: 1\n"),
    "no ASCII": content("schlüssel\n"),
}
PASSWORD: Mapping[str, Make] = {**ANY, "empty": EMPTY["empty"], "two lines": content("one\ntwo\n")}
HEADERS: Mapping[str, Make] = {
    **ANY,
    "no colon": content("hello\n"),
    "a name with blanks": content("X Y: 1\n"),
    "ours": content("Content-Length: 5\n"),
    "twice": content("A: 1\na: 2\n"),
    "an escape": content("A: \x1b[31m\n"),
}
YAML: Mapping[str, Make] = {
    **ANY,
    "a list": content("[1, 2]\n"),
    "a word": content("hello\n"),
    "a number": content("5\n"),
    "open": content("a: [\n"),
    "a tab": content("a:\n\tb: 1\n"),
    "a tag of Python": content("a: !!python/object/apply:os.system [id]\n"),
    "contains itself": content("items: &a [*a]\nkind: List\n"),
    "an alias bomb": content(
        "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(12))
    ),
    "deep": content("a: " + "[" * 20_000 + "]" * 20_000),
    "deep blocks": content("- " * 20_000 + "a\n"),
    "less deep": content("a: " + "[" * 900 + "]" * 900),
    "a key twice": content("name: a\nname: b\nkind: Pod\nmetadata: {name: a}\n"),
    "a key that is a list": content("? [a]\n: 1\n"),
    "keys that are numbers": content("1: 2\n3: {4: 5}\n"),
    "an anchor without an end": content("a: *nothing\n"),
    "a date that is none": content("a: 2026-13-45\n"),
    "a number without an end": content("a: 0x" + "f" * 100_000 + "\nb: " + "9" * 100_000 + "\n"),
    "odd kinds": content("name: [1]\nviews: 5\nkind: {a: 1}\nmetadata: x\nclusters: 5\ncontexts: {a: b}\n"),
    "a key of many lines": content('"a\\nb\\nTraceback\\n": {"c\\nd": 1}\n'),
    "an escape in a key": content('"\\e[31m": 1\n'),
}
INVENTORY: Mapping[str, Make] = {
    **YAML,
    "items is a number": content("kind: List\nitems: 5\n"),
    "items is a text": content("kind: List\nitems: " + "x" * 10_000 + "\n"),
    "items is a mapping": content("kind: List\nitems: {a: b}\n"),
    "items of wrong kinds": content("kind: List\nitems: [5, x, [], {}]\n"),
    "lists in lists": content('{"kind": "List", "items": [' * 400 + "]}" * 400),
    "ten thousand faults": content('{"kind": "List", "items": [' + "5," * 10_000 + "5]}"),
    "labels of wrong kinds": content("kind: Pod\nmetadata: {name: a, labels: {a: [1]}}\n"),
    "owners of wrong kinds": content("kind: Pod\nmetadata: {name: a, ownerReferences: 5}\n"),
    "an address of wrong kind": content("kind: Pod\nmetadata: {name: a}\nstatus: {podIPs: [1]}\n"),
}


def kubeconfig(cluster: str = "x: y", *, user: str = "{token: t}") -> str:
    """One context; `cluster` is added to its cluster."""
    return (
        "current-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
        f"clusters: [{{name: a, cluster: {{server: 'https://127.0.0.1:1', {cluster}}}}}]\n"
        f"users: [{{name: a, user: {user}}}]\n"
    )


KUBECONFIG: Mapping[str, Make] = {
    **YAML,
    **EMPTY,
    "no context": content("apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n"),
    "a context that is not there": content("current-context: a\nclusters: []\nusers: []\ncontexts: []\n"),
    "several documents": content("a: 1\n---\nb: 2\n"),
    "a plugin that is not there": content(kubeconfig(user="{exec: {apiVersion: v1, command: /no}}")),
    "a plugin that fails": content(
        kubeconfig(user="{exec: {apiVersion: v1, command: sh, args: [-c, 'echo 1; echo 2; exit 3']}}")
    ),
    "an authority that is none": content(kubeconfig("certificate-authority-data: aGVsbG8=")),
    "an authority that is not there": content(kubeconfig("certificate-authority: nowhere")),
    "no server": content(kubeconfig("server: [5]")),
}
