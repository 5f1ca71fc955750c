"""A typed, synchronous client of `metrics.smi-spec.io/v1alpha1`.

What belongs here: finding the API (kubeconfig, credentials, TLS), asking it, and turning its JSON into values
or into one of its own faults.

What does not: opinions about the figures. Whether 97 % is good is a question for `dashboard.health`. Nothing
here imports more than requests and PyYAML, because the terminal must start as quickly as kubectl does.
"""
