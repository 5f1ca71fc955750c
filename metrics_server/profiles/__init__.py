"""The profiles: one YAML file per mesh with the names of its metrics and labels and the rules of its
outcomes, the schema of these files, and the operator's policy.

To support another mesh, add a file here. PromQL belongs in `query`, and the reading of answers in
`decode`. Pure, except that profiles and policies are read from files.
"""
