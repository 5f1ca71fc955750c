"""What clients see: each module turns moments of the store into the resources of one API group.

A view speaks to the store and to `apiservice`, never to the network and never to another view. Arithmetic
does not belong here: a view chooses rows, names them and prints them.
"""
