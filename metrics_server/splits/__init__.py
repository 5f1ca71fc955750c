"""Where traffic to a service is told to go: every mesh's own objects, read to the same few values. Pure.

One module reads the objects of one source; `sources` lists them all. What an object says is believed as far
as it makes sense: one that does not is named and left out, and nothing else is lost with it. What became of
the traffic does not belong here (`sharing`).
"""
