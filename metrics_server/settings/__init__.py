"""The settings of the server: their names, formats and defaults, and the messages for values that cannot be
used.
"""
