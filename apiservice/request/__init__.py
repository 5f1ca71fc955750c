"""Parses method, path and query of a request exactly as the kube-apiserver does. Pure."""
