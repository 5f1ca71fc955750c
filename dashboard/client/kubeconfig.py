"""Which cluster, which user, which namespace: a kubeconfig's answer, found where kubectl finds it.

Own code rather than a Kubernetes client library, because importing one takes longer than the whole of
`kubectl traffic top` may.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

import base64
import binascii
import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from dashboard.client import faults


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A named cluster or user, and the directory its relative paths start from."""

    name: str
    fields: Mapping[str, Any]
    directory: pathlib.Path

    def text(self, field: str) -> str:
        return str(self.fields.get(field) or "")

    def content(self, field: str) -> str:
        """What `<field>-data` holds inline, else the file `<field>` points to, else nothing."""
        inline = self.text(f"{field}-data")
        try:
            if inline:
                return base64.b64decode(inline, validate=True).decode()
            if path := self.text(field):
                return (self.directory / path).read_text()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise faults.Unconfigured(
                f"{field}-data of {self.name!r} in the kubeconfig is not base64 text."
            ) from error
        except OSError as error:
            raise faults.Unconfigured(f"Cannot read {field} of {self.name!r}: {error}.") from error
        return ""

    def edition(self, field: str) -> tuple[int, int, int] | None:
        """Differs when the file that `field` points to was written anew; None without a file."""
        try:
            status = (self.directory / path).stat() if (path := self.text(field)) else None
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size, status.st_ino) if status else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One way into one cluster."""

    name: str
    namespace: str
    cluster: Entry
    user: Entry
    origin: str = "the kubeconfig"  # who has to be corrected when this way leads nowhere


def paths(given: str | None, *, environ: Mapping[str, str] = os.environ) -> Sequence[pathlib.Path]:
    """The files to read: the one given, else those of KUBECONFIG, else the one in the home directory."""
    if given:
        return [pathlib.Path(given)]
    if listed := environ.get("KUBECONFIG", ""):
        return [pathlib.Path(path) for path in listed.split(os.pathsep) if path]
    return [pathlib.Path.home() / ".kube" / "config"]


def load(files: Sequence[pathlib.Path], *, context: str | None = None) -> Context:
    """The chosen (or current) context of the merged files; as with kubectl, the first to speak wins."""
    documents = [(path.parent, _read(path)) for path in files if path.exists() or len(files) == 1]
    current = context or next(
        (doc["current-context"] for _, doc in documents if doc.get("current-context")), ""
    )
    where = ", ".join(str(path) for path in files)
    if not current:
        raise faults.Unconfigured(f"No current context in {where}. Name one with --context.")
    chosen = _find(documents, "context", current, where).fields
    cluster = _find(documents, "cluster", str(chosen.get("cluster", "")), where)
    if not cluster.text("server"):
        raise faults.Unconfigured(f"Cluster {cluster.name!r} in {where} has no server address.")
    user = str(chosen.get("user") or "")
    return Context(
        name=current,
        namespace=str(chosen.get("namespace") or "default"),
        cluster=cluster,
        user=_find(documents, "user", user, where)
        if user
        else Entry(name="", fields={}, directory=cluster.directory),
    )


def _read(path: pathlib.Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise faults.Unconfigured(
            f"Cannot read the kubeconfig {path}: {error}. Give one with --kubeconfig or KUBECONFIG."
        ) from error
    except yaml.YAMLError as error:
        raise faults.Unconfigured(f"The kubeconfig {path} is not YAML: {error}.") from error
    if not isinstance(document, dict):
        raise faults.Unconfigured(f"The kubeconfig {path} is empty or not a mapping.")
    return document


def _find(
    documents: Sequence[tuple[pathlib.Path, Mapping[str, Any]]], sort: str, name: str, where: str
) -> Entry:
    for directory, document in documents:
        for entry in document.get(f"{sort}s") or []:
            if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(sort), dict):
                return Entry(name=name, fields=entry[sort], directory=directory)
    raise faults.Unconfigured(f"The kubeconfig ({where}) has no {sort} named {name!r}.")
