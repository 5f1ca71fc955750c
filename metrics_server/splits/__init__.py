"""Splits: the objects of every mesh that divide the traffic of a service by weight, read into the same few
types. Pure.

Each module reads the objects of one source, and `sources` lists all of them. An invalid object is left out as
a whole, and the message names its invalid fields. The traffic that was observed belongs in
`aggregate.split_traffic`.
"""
