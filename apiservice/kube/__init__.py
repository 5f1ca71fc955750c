"""A client of the kube-apiserver: connection, lists and watches, and a reflector that follows all objects
of a resource.
"""
