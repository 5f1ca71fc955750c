"""Writes the table of docs/meshes.md anew, from the profiles."""

from tests.dialects import page

if __name__ == "__main__":
    page.FILE.write_text(page.written())
