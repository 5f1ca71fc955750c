"""How traffic to a service is to be split: the objects of every mesh that say so, read into the same few
types. Pure.

One module reads the objects of one source, and `sources` lists them all. A field that makes no sense is
named and left out; the rest of the object is kept. The traffic that was really observed belongs in
`aggregate.split_traffic`.
"""
