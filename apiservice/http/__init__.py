"""Requests and answers as plain values, their encodings, and errors as Kubernetes `Status` objects.

Nothing here opens a socket (`server`) or decides what is answered (`resources`).
"""
