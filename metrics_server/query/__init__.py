"""From a profile and a window to the PromQL that Prometheus is asked. Pure.

Here alone PromQL is written, and every name in it is escaped. Sending it belongs in `upstream`.
"""
