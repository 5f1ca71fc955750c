"""Turns the series of Prometheus into counts and histograms per reporter and peer. Pure.

Counter resets, first samples, buckets, and the recognition of targets, reporters and peers belong here. The
owners of pods belong in `ownership`, and the summing of rows in `aggregate`.
"""
