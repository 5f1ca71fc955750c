"""Real programs, from package registries, that tell of traffic in the words of other meshes than the demo's.

What they are told to do is ours; what they then say of themselves is theirs. The traffic is sent by the test,
so what is true is known.
"""
