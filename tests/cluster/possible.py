"""Whether what a test needs can be had here, and if not, why: for those who would rather go on without."""

import enum
import os
from collections.abc import Mapping

from demo import faults
from tests.cluster import build, network

GIVEN = "TESTS_KUBECONFIG"
"""In this variable of the environment: the kubeconfig of a cluster to install into, in place of ours."""


class Need(enum.Enum):
    """By the mark that a test says it with."""

    PROGRAMS = "go"
    """Programs that are built from Go modules, and no cluster."""
    CONTROL_PLANE = "cluster"
    NODE = "node"
    """A cluster with a node, made for the test."""
    SITE = "site"
    """A cluster with a node, which may be one that is given."""


def hindrance(need: Need, *, environment: Mapping[str, str] = os.environ) -> str | None:
    """What is in the way, in one sentence; None where nothing is."""
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
    """Programs that are missing, and cannot be made."""
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
