"""The dashboard as a viewer uses it, in a real Chromium.

This is a package, so that the fixtures of its tests end with the last test: above all the browser, which
keeps a loop running.
"""
