"""Errors of the demo: one sentence with what happened, where, and what to do."""


class DemoError(Exception):
    """A message for the user at the terminal."""
