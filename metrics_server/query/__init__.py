"""Turns a profile, a scope and a window into PromQL queries. Pure.

No other package writes PromQL, so that every value in it is escaped. Sending the queries belongs in
`upstream`.
"""
