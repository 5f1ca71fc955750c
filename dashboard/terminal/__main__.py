"""`kubectl-traffic`, the executable that kubectl runs for `kubectl traffic`."""

if __name__ == "__main__":
    # Before the imports below, which take some time.
    from dashboard import signals

    signals.end_by_signals()

import click

from dashboard.terminal import hpa, top


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Show the traffic of a service mesh and how autoscalers use it."""


commands.add_command(top.top)
commands.add_command(hpa.hpa)


def main() -> None:
    """Run `kubectl traffic`. Exit codes: 0 success, 1 an error or a mistake found by `hpa`, 2 wrong usage."""
    commands(prog_name="kubectl traffic")


if __name__ == "__main__":
    main()
