"""docs/conformance.md: handwritten text, and between two marks the table of the rows on each way."""

from pathlib import Path

from tests.conformance import rows

FILE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
_BEGIN, _END = "<!-- table: python -m tests.conformance -->", "<!-- end of table -->"


def written() -> str:
    """The page with the current table."""
    before, begin, rest = FILE.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}\n\n{rows.table(rows.declared())}\n{end}{after}"
