"""`python -m metrics_server.dumps`: tries a profile on a dump, as the command `try` does."""

from __future__ import annotations

from metrics_server.dumps import commands

if __name__ == "__main__":
    commands.try_profile(prog_name="python -m metrics_server.profiles.try")
