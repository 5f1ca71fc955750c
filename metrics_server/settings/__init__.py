"""The settings of the server: names, formats, defaults, descriptions, and messages for invalid values."""
