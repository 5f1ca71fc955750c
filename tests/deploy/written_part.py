"""A generated part of a page, between two marks: `<!-- name -->` and `<!-- /name -->`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def replaced(page: Path, name: str, rows: Iterable[Sequence[str]], *, head: Sequence[str]) -> str:
    """Return the page with a table of these rows as its part of this name."""
    return all_replaced(page, {name: table(rows, head=head)})


def all_replaced(page: Path, parts: Mapping[str, str]) -> str:
    """Return the page with each of these parts replaced, by name."""
    text = page.read_text()
    for name, content in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, is_begun, rest = text.partition(begin)
        _, is_ended, after = rest.partition(end)
        if not is_begun or not is_ended:
            raise ValueError(f"{page} has no place for a table: {begin} … {end}")
        text = f"{before}{begin}\n\n{content}\n\n{end}{after}"
    return text


def table(rows: Iterable[Sequence[str]], *, head: Sequence[str]) -> str:
    """Return a table in Markdown."""
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
