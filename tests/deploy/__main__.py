"""Writes the table of limits in docs/security.md anew, from the programs."""

from tests.deploy import limits_table

if __name__ == "__main__":
    limits_table.FILE.write_text(limits_table.written())
