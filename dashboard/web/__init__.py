"""The service graph in a browser.

What belongs here: the page, its requests to the client, the login, and the conversion of a graph into what
the browser draws. Python decides what is shown (`elements`, `panel`, `notice`, all pure); the scripts in
`assets/` only draw it.

What does not: arithmetic on figures (`dashboard.graph`), verdicts (`dashboard.health`) and anything that
writes. The browser gets figures, never the credential that they were read with.
"""
