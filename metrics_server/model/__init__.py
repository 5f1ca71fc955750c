"""The types that every other package uses: kinds, snapshots, quantities, faults and checks. Pure.

Only what several packages exchange belongs here. Code that computes, reads or serves it belongs elsewhere.
"""
