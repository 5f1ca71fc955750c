"""Dumps: what proxies expose, kept in files.

Anybody can try a profile on a dump of their own mesh (`trial`), and replace the names in a dump before they
send it (`anonymous`). Nothing here is used by the server.
"""
