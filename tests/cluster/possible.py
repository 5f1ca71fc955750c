"""Whether a cluster can run here, and if not, why: for those who would rather go on without than fail."""

from demo import faults
from tests.cluster import build, network


def hindrance(*, nodes: bool) -> str | None:
    """What is in the way, in one sentence; None where nothing is."""
    if not build.KUBERNETES.path.exists() and build.find("go") is None:
        return "a cluster is built from source, and there is no go on PATH (1.24 or newer)"
    if not nodes:
        return None
    try:
        network.demand_rights()
    except faults.DemoError as error:
        return str(error)
    return None
