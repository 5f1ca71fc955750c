"""Writes what is derived from the programs: tables of docs/, and the names of metrics in roles of deploy/."""

from tests.deploy import limits_table, metric_names, settings_table, table_columns

if __name__ == "__main__":
    limits_table.FILE.write_text(limits_table.written())
    settings_table.FILE.write_text(settings_table.written())
    table_columns.FILE.write_text(table_columns.written())
    for file, text in metric_names.files().items():
        file.write_text(text)
