"""The dashboard as a viewer meets it, in a real Chromium.

A package, so that what its tests share ends with the last of them: above all the browser, which keeps a loop
running.
"""
