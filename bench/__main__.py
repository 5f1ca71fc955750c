"""`python -m bench`: one sitting, printed as tables and kept for the next to be compared with."""

from pathlib import Path

import click

from bench import (
    aggregated,
    autoscaling,
    bias,
    dialects,
    endurance,
    ownership,
    parsers,
    reaction,
    report,
    shape,
    site,
    sitting,
)
from demo import ending

_FOLDER = Path(".bench")
_WIDTH = 130
"""Columns of the tables, also where they go to a file."""


@click.group(invoke_without_command=True)
@click.pass_context
@click.option("--pods", type=int, default=1000, show_default=True, help="The size of the cluster.")
@click.option("--quick", is_flag=True, help="100 pods, measured briefly: to see that it works.")
@site.subnet("127.22.0")
def main(context: click.Context, *, pods: int, quick: bool, subnet: str) -> None:
    """Measure how fast the server is, compared with the Prometheus it queries."""
    if context.invoked_subcommand:
        return
    try:
        cluster = shape.Shape(100 if quick else pods)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    where = site.Where(folder=(_FOLDER / "run").resolve(), subnet=subnet)
    ending.until_stopped(_sit(where, cluster, effort=sitting.QUICK if quick else sitting.FULL))


main.add_command(aggregated.main, "aggregated")
main.add_command(autoscaling.main, "autoscaling")
main.add_command(bias.main, "bias")
main.add_command(dialects.main, "dialects")
main.add_command(endurance.main, "endurance")
main.add_command(ownership.main, "ownership")
main.add_command(parsers.main, "parsers")
main.add_command(reaction.main, "reaction")


async def _sit(where: site.Where, cluster: shape.Shape, *, effort: sitting.Effort) -> None:
    with report.sitting(_FOLDER, pods=cluster.pod_count, width=_WIDTH) as tables:
        await sitting.run(where, cluster, effort=effort, show=tables.show, say=report.say)


if __name__ == "__main__":
    main()
