"""Writes the table of docs/conformance.md anew, from the rows that the tests declare."""

from tests.conformance import page

if __name__ == "__main__":
    page.FILE.write_text(page.written())
