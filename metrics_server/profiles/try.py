# ruff: noqa: N999 - the name of a command, which no module imports
"""`python -m metrics_server.profiles.try PROFILE EXPOSITION... TRUTH`: tries a profile on a dump.

It is another name of the command `trafficmetrics-server try`, for those who write a profile. The work is in
`metrics_server.dumps`, which is on a higher level than profiles, so it is not imported but run by its name.
"""

from __future__ import annotations

import runpy

if __name__ == "__main__":
    runpy.run_module("metrics_server.dumps", run_name="__main__", alter_sys=True)
