"""A typed, synchronous client of `metrics.smi-spec.io/v1alpha1`.

What belongs here: finding the API (kubeconfig, credentials, TLS), sending requests to it, and decoding its
JSON into values or raising a `faults.Fault`.

What does not: judging figures; `dashboard.health` decides whether 97 % is good. Third-party imports here are
requests and PyYAML only, because the terminal must start as quickly as kubectl.
"""
