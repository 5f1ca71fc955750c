"""Whether what a test needs is available here, and if not, why, for callers that can go on without it."""

import enum
import os
from collections.abc import Mapping

from demo import faults
from tests.cluster import build, network

GIVEN = "TESTS_KUBECONFIG"
"""The environment variable with the kubeconfig of a cluster to install into, instead of one of ours."""


class Need(enum.Enum):
    """What a test needs, by the mark that declares it."""

    PROGRAMS = "go"
    """Programs that are built from Go modules, without a cluster."""
    CONTROL_PLANE = "cluster"
    NODE = "node"
    """A cluster with a node, made for the test."""
    SITE = "site"
    """A cluster with a node, which may be a given one."""


def hindrance(need: Need, *, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the obstacle in one sentence; None if there is none."""
    match need:
        case Need.PROGRAMS:
            return unbuilt(*build.TOOLS)
        case Need.CONTROL_PLANE:
            return unbuilt(build.KUBERNETES)
        case Need.NODE:
            return unbuilt(build.KUBERNETES, *build.PODS) or _forbidden()
        case Need.SITE:
            return None if environment.get(GIVEN) else hindrance(Need.NODE)


def unbuilt(*programs: build.Program) -> str | None:
    """Return the missing programs that cannot be built."""
    missing = [program.name for program in programs if not build.is_made(program)]
    if not missing or build.find("go") is not None:
        return None
    return f"no go on PATH (1.24 or newer), and from source are built {', '.join(missing)}"


def _forbidden() -> str | None:
    try:
        network.demand_rights()
    except faults.DemoError as error:
        return str(error)
    return None
