"""`kubectl-traffic`, the executable that kubectl runs for `kubectl traffic`."""

if __name__ == "__main__":
    # Before the imports below: they take a while.
    from dashboard import signals

    signals.end_by_signals()

import click

from dashboard.terminal import hpa, top


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Show the traffic of a service mesh, and what autoscalers make of it."""


commands.add_command(top.top)
commands.add_command(hpa.hpa)


def main() -> None:
    """The usage text names the command as people type it. Exit codes: 0 done, 1 no answer (or
    something found wrong), 2 wrong usage."""
    commands(prog_name="kubectl traffic")


if __name__ == "__main__":
    main()
