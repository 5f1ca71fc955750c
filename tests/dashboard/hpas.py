"""HPAs of a fake cluster that scale on mesh traffic, and a runner of `kubectl traffic hpa`."""

import pathlib
from collections.abc import Callable

import click.testing

from dashboard.terminal import __main__ as terminal
from tests.fakes import autoscaled

RPS, P99 = "requests_per_second", "p99_response_latency"
OF_SERVICE = f"/apis/{autoscaled.CUSTOM}/v1beta2/namespaces/shop/services/checkout"
OF_EDGE = f"/apis/{autoscaled.EXTERNAL}/v1beta1/namespaces/shop/{RPS}"
EDGE = autoscaled.external_metric(RPS, target="5", **{"from": "frontend", "to": "checkout"})
Run = Callable[..., click.testing.Result]


def typed(fake: autoscaled.Cluster, folder: pathlib.Path) -> Run:
    """Return a function that runs the command with given arguments, like a user in a shell."""
    kubeconfig = str(fake.kubeconfig(folder / "config"))

    def run(*arguments: str) -> click.testing.Result:
        return click.testing.CliRunner().invoke(
            terminal.commands,
            ["hpa", *arguments, "--kubeconfig", kubeconfig],
            prog_name="kubectl traffic",
        )

    return run


def answered(fake: autoscaled.Cluster) -> None:
    """Let the fake cluster serve the three metrics of a busy `checkout`."""
    values = {"checkout-a": "12400m", "checkout-b": "11", "checkout-c": "13100m"}
    fake.values(f"{autoscaled.OF_PODS}/{RPS}", values)
    fake.values(f"{OF_SERVICE}/{P99}", {"checkout": "84200u"})
    fake.values(OF_EDGE, {"": "8"}, window=60)


def pods_of_an_hpa(fake: autoscaled.Cluster) -> str:
    """Add an HPA that scales on the requests of its pods; return the path of that metric."""
    fake.hpa(autoscaled.pods_metric(RPS, target="8"))
    return f"{autoscaled.OF_PODS}/{RPS}"
