"""Many rows of a snapshot become one figure per resource or edge: counts are summed, and quantiles are
taken from summed histograms. Pure.
"""
