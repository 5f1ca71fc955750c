"""Inputs of an attacker, a broken network or a failing backend, and what the programs must guarantee.

What belongs here: attacks on a running server or dashboard, each with the guarantee that it must not break.
Inputs are seeded, bounded in number and time, and go to loopback only. A catalogue of inputs is a data module
next to its test.

What does not: tests of what a well-behaved client sees, which are next to the tests of that module.
"""
