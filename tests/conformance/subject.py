"""An aggregated API to be tested: its address, credentials for it, and the group to read.

The suite gets no other input. It finds the resources and their objects by discovery, so that any API can
replace ours.
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
"""The ways of every test run."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a client presents."""

    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    certificate: Path | None = None
    key: Path | None = None

    def bearing(self, **headers: str) -> "Credential":
        """With additional headers; `_` in a name stands for `-`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return dataclasses.replace(self, headers={**self.headers, **more})


NO_CREDENTIAL = Credential()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    way: Way
    url: str
    authority: Path
    """The certificate of the authority that signed the server's."""
    kubeconfig: Path
    """The kubeconfig of an administrator, for `url`."""
    credential: Credential
    """The credential of the same administrator."""
    group: str
    version: str
    namespace: str
    """At least one namespaced resource has two objects here."""
    impersonate: Callable[[str], Credential] | None = None
    """Return the credential of the user with this name; None if there is one user only."""
    cluster: Path | None = None
    """A kubeconfig of the cluster whose RBAC decides; None if there is none."""
    front_proxy: Credential | None = None
    """The front proxy's own certificate; None if the tests do not have it."""

    @property
    def root(self) -> str:
        return f"/apis/{self.group}/{self.version}"
