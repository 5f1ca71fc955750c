"""The types that every other package uses: kinds, snapshots, quantities and faults. Pure.

Here belongs what the packages exchange. Here does not belong anything that computes, reads or serves it.
"""
