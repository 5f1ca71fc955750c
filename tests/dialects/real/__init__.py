"""Real programs, from package registries, that report traffic as other meshes than the demo's do.

We write their configuration; their metrics are their own. The test sends the traffic, so it knows the truth.
"""
