"""Requests and answers as plain values, their encodings, and errors as Kubernetes `Status` objects.

Nothing here opens a socket (see `server`) or decides on an answer (see `resources`).
"""
