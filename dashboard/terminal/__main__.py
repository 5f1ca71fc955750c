"""`kubectl-traffic`, the executable that kubectl runs for `kubectl traffic`."""

import click

from dashboard.terminal import top


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Show the traffic of a service mesh."""


commands.add_command(top.top)


def main() -> None:
    """The usage text names the command as people type it. Exit codes: 0 done, 1 no answer, 2 wrong usage."""
    commands(prog_name="kubectl traffic")


if __name__ == "__main__":
    main()
