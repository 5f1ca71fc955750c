"""A client of the kube-apiserver: connection, lists and watches, and a reflector that keeps all objects of a
resource up to date.
"""
