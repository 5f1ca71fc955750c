"""Takes snapshots: plans the queries, sends them, decodes the answers, and merges the snapshots of several
meshes.

How a figure is computed from a snapshot belongs in `aggregate`; how long a snapshot is served, in `store`.
"""
