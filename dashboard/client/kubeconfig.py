"""Read cluster, user and namespace from the kubeconfig files that kubectl would use.

Not a Kubernetes client library, because the import of one takes longer than `kubectl traffic top` may take.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

import base64
import binascii
import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib import parse

from dashboard.client import bounded, faults


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A cluster or user by name, and the directory that its relative paths start from."""

    name: str
    fields: Mapping[str, Any]
    directory: pathlib.Path

    def text(self, field: str) -> str:
        """A field as text; empty if missing. Raises `faults.Unconfigured` for a list or a mapping."""
        value = self.fields.get(field) or ""
        if not isinstance(value, str | int | float):
            raise faults.Unconfigured(
                f"{field} of {self.name!r} in the kubeconfig is not a string. Correct it."
            )
        return str(value)

    def content(self, field: str) -> str:
        """The decoded `<field>-data`, else the file at `<field>`, else "". Raises `faults.Unconfigured`."""
        inline, path = self.text(f"{field}-data"), self.text(field)
        try:
            if inline:
                return base64.b64decode(inline, validate=True).decode()
            if path:
                return bounded.text(self.directory / path)
        except (binascii.Error, UnicodeDecodeError) as error:
            raise faults.Unconfigured(
                f"{field}-data of {self.name!r} in the kubeconfig is not base64 text. Correct it."
            ) from error
        except (OSError, ValueError) as error:
            raise faults.Unconfigured(
                f"Cannot read {field} of {self.name!r}, {path}: {bounded.reason(error)}. "
                "Correct the path or the file."
            ) from error
        return ""

    def edition(self, field: str) -> tuple[int, int, int] | None:
        """Time, size and inode of the file at `field`, which change with it; None without a file."""
        try:
            status = (self.directory / path).stat() if (path := self.text(field)) else None
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size, status.st_ino) if status else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A cluster, a user and a namespace."""

    name: str
    namespace: str
    cluster: Entry
    user: Entry
    origin: str = "the kubeconfig"  # where its settings come from, for messages

    @property
    def impersonation(self) -> Sequence[tuple[str, str]]:
        """The headers for `as`, `as-uid`, `as-groups` and `as-user-extra` of the user, as kubectl sends them.

        Raises `faults.Unconfigured` for fields of another shape, or without `as`.
        """
        return impersonation_headers(self.user)


def impersonation_headers(user: Entry) -> Sequence[tuple[str, str]]:
    """The headers by which a user of the kubeconfig acts as another; none if it does not.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    Raises `faults.Unconfigured`.
    """
    groups, extra = user.fields.get("as-groups") or [], user.fields.get("as-user-extra") or {}
    if not _are_texts(groups) or not isinstance(extra, dict) or not all(map(_are_texts, extra.values())):
        raise faults.Unconfigured(
            f"as-groups or as-user-extra of {user.name!r} in the kubeconfig is no list of strings. "
            "Correct it."
        )
    name, uid = user.text("as"), user.text("as-uid")
    if not name and (uid or groups or extra):
        raise faults.Unconfigured(
            f"User {user.name!r} in the kubeconfig has as-uid, as-groups or as-user-extra, and no `as`. "
            "Add it."
        )
    found = [("Impersonate-User", name), ("Impersonate-Uid", uid)]
    found += [("Impersonate-Group", group) for group in groups]
    found += [
        (f"Impersonate-Extra-{parse.quote(str(key), safe='')}", value)
        for key, values in extra.items()
        for value in values
    ]
    return [(header, value) for header, value in found if value]


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def paths(given: str | None, *, environ: Mapping[str, str] = os.environ) -> Sequence[pathlib.Path]:
    """The files to read: the given one, else those of KUBECONFIG, else `~/.kube/config`."""
    if given:
        return [pathlib.Path(given)]
    if listed := environ.get("KUBECONFIG", ""):
        return [pathlib.Path(path) for path in listed.split(os.pathsep) if path]
    return [pathlib.Path.home() / ".kube" / "config"]


def load(files: Sequence[pathlib.Path], *, context: str | None = None) -> Context:
    """The given or the current context. The first file with an entry wins, as with kubectl.

    Raises `faults.Unconfigured`.
    """
    documents = [(path.parent, _read(path)) for path in files if path.exists() or len(files) == 1]
    named = (doc["current-context"] for _, doc in documents if doc.get("current-context"))
    current = context or next((name for name in named if isinstance(name, str)), "")
    files_text = ", ".join(str(path) for path in files)
    if not current:
        raise faults.Unconfigured(f"No current context in {files_text}. Choose one with --context.")
    chosen = _find(documents, "context", current, files_text).fields
    cluster = _find(documents, "cluster", _name(chosen.get("cluster")), files_text)
    if not cluster.text("server"):
        raise faults.Unconfigured(
            f"Cluster {cluster.name!r} in {files_text} has no server address. Add it as server."
        )
    user = _name(chosen.get("user"))
    return Context(
        name=current,
        namespace=_name(chosen.get("namespace")) or "default",
        cluster=cluster,
        user=_find(documents, "user", user, files_text)
        if user
        else Entry(name="", fields={}, directory=cluster.directory),
    )


def _name(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _read(path: pathlib.Path) -> Mapping[str, Any]:
    try:
        text = bounded.text(path)
    except (OSError, ValueError) as error:
        raise faults.Unconfigured(
            f"Cannot read the kubeconfig {path}: {bounded.reason(error)}. "
            "Give one with --kubeconfig or KUBECONFIG."
        ) from error
    try:
        document = bounded.document(text)
    except bounded.Malformed as error:
        raise faults.Unconfigured(
            f"The kubeconfig {path} is not YAML: {error}. Correct it or give another with --kubeconfig."
        ) from error
    if not isinstance(document, dict):
        raise faults.Unconfigured(
            f"The kubeconfig {path} is empty or not a mapping. Give one with --kubeconfig or KUBECONFIG."
        )
    return document


def _find(
    documents: Sequence[tuple[pathlib.Path, Mapping[str, Any]]], section: str, name: str, files_text: str
) -> Entry:
    for directory, document in documents:
        entries = document.get(f"{section}s")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(section), dict):
                return Entry(name=name, fields=entry[section], directory=directory)
    raise faults.Unconfigured(f"The kubeconfig ({files_text}) has no {section} named {name!r}. Correct it.")
