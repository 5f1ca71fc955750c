"""Writes the tables of limits and settings in docs/security.md and docs/standalone.md, from the programs."""

from tests.deploy import limits_table, settings_table

if __name__ == "__main__":
    limits_table.FILE.write_text(limits_table.written())
    settings_table.FILE.write_text(settings_table.written())
