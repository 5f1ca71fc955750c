"""Starts and stops a server: joins the parts, decides who may read, and serves until a signal ends it."""
