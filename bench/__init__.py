"""How fast the whole path is, measured in one sitting: exporter, real Prometheus, real server, clients.

What belongs here: a cluster's worth of series that moves, the same queries sent to Prometheus directly and to
the server, and tables of what it cost. Figures are compared with others of the same sitting, or with the
sitting before, and never with a number from another machine.

What does not: promises. Tests check whether an answer is right, and no test depends on a figure from
here. Nothing imports this package.
"""
