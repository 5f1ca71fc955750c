"""What each mesh calls its metrics, labels and outcomes: one YAML file per mesh, and the schema of these
files.

A new mesh is a new file here. Here does not belong PromQL (`query`) or how answers are read (`decode`).
Pure, except that profiles and policies are read from files.
"""
