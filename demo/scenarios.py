"""The scenarios of a running mesh, as data, and the dial that holds the current one."""

import dataclasses
from collections.abc import Mapping

from demo import blueprint, faults, shop


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    story: str
    load: float = 1.0
    """The load from outside, as a multiple of the usual one."""
    beats: float = 1.0
    """The frequency of the workloads' own requests, as a multiple of the usual one."""
    failing: Mapping[blueprint.Name, float] = dataclasses.field(default_factory=dict)
    """The share of requests a workload answers 503, in place of its usual one."""
    slower: Mapping[blueprint.Name, float] = dataclasses.field(default_factory=dict)


STEADY = Scenario("steady", "the usual load, and the usual small share of failures")
QUIET = Scenario("quiet", "no load at all", load=0.0)
_ALL = (
    STEADY,
    Scenario("surge", "three times the usual load", load=3.0),
    Scenario("reports", "reports ask twenty times as often, the outside as usual", beats=20.0),
    Scenario(
        "failing", "payments fails three times of five, and checkout with it", failing={shop.PAYMENTS: 0.6}
    ),
    Scenario("slow", "the database is five times slower, so carts time out", slower={shop.DB: 5.0}),
    QUIET,
)
SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}


def named(name: str) -> Scenario:
    try:
        return SCENARIOS[name]
    except KeyError:
        raise faults.DemoError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}") from None


class Dial:
    """The current scenario."""

    def __init__(self, scenario: Scenario = STEADY) -> None:
        self.scenario = scenario

    def failing(self, workload: blueprint.Workload) -> float:
        return self.scenario.failing.get(workload.name, workload.failing)

    def slower(self, workload: blueprint.Workload) -> float:
        return self.scenario.slower.get(workload.name, 1.0)
