"""Takes a snapshot: plans the queries, sends them, decodes the answers, and merges the snapshots of several
meshes.
"""
