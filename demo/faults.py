"""Errors of the demo: one sentence with what happened, where, and what to do."""


class DemoError(Exception):
    """Its text is meant for the person at the terminal."""
