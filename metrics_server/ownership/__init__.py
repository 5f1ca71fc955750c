"""Finds the objects that a snapshot's reporters and peers belong to: controller, service, node and namespace.
Pure.

Which objects exist belongs in `inventory`; sums over the reporters of an object belong in `aggregate`.
"""
