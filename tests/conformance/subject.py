"""An aggregated API to be judged: where it is, how to be let in, and which group to look at.

All the suite is told. Which resources there are, and what they hold, it finds out by discovery, so that any
API can take the place of ours.
"""

import dataclasses
import enum
from collections.abc import Callable, Mapping
from pathlib import Path


class Way(enum.Enum):
    """How an API is reached; each of `TRIED` is a column of the table in docs/conformance.md."""

    TOY = "toy API"
    STANDALONE = "standalone"
    PAST = "in a cluster, past the kube-apiserver"
    AGGREGATED = "through the kube-apiserver"
    BUILT_IN = "built in: apps/v1"
    GIVEN = "given by the environment"


TRIED = tuple(way for way in Way if way is not Way.GIVEN)
"""With every run of the tests."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a client presents."""

    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    certificate: Path | None = None
    key: Path | None = None

    def bearing(self, **headers: str) -> "Credential":
        """With more headers; `_` in a name stands for `-`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return dataclasses.replace(self, headers={**self.headers, **more})


NOBODY = Credential()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    way: Way
    url: str
    authority: Path
    """The certificate that vouches for the server."""
    kubeconfig: Path
    """Of an administrator, at `url`."""
    credential: Credential
    """Of the same administrator."""
    group: str
    version: str
    namespace: str
    """At least one namespaced resource has two objects here."""
    impersonate: Callable[[str], Credential] | None = None
    """The credential of a user of the given name; None where there is one user only."""
    cluster: Path | None = None
    """A kubeconfig of the cluster that says who may what; None where there is none."""
    front_proxy: Credential | None = None
    """The front proxy's own certificate; None where nobody can be the front proxy."""

    @property
    def root(self) -> str:
        return f"/apis/{self.group}/{self.version}"
