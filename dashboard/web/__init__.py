"""The service graph in a browser.

What belongs here: the page, what it asks of the client and when, and how a graph becomes something to look
at. Python decides what is shown (`elements`, `panel`, `notice`, all pure); the scripts in `assets/` only draw
it.

What does not: arithmetic on figures (`dashboard.graph`), verdicts (`dashboard.health`) and anything that
writes. The browser sees figures, never the credential they were read with.
"""
