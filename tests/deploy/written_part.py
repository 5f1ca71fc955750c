"""A part of a page that a program writes, between two marks: `<!-- name -->` and `<!-- /name -->`."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def replaced(page: Path, name: str, rows: Iterable[Sequence[str]], *, head: Sequence[str]) -> str:
    """The text of the page with a table of these rows as its part of this name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, is_begun, rest = page.read_text().partition(begin)
    _, is_ended, after = rest.partition(end)
    if not is_begun or not is_ended:
        raise ValueError(f"{page} has no place for a table: {begin} … {end}")
    lines = (head, ("---",) * len(head), *rows)
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"
