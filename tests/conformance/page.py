"""docs/conformance.md: words of people, and between two marks the table of what is tried on which way."""

from pathlib import Path

from tests.conformance import rows

FILE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
_BEGIN, _END = "<!-- table: python -m tests.conformance -->", "<!-- end of table -->"


def written() -> str:
    """The page as it should be."""
    before, begin, rest = FILE.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}\n\n{rows.table(rows.declared())}\n{end}{after}"
