"""What an attacker, a broken network or a failing backend sends, and what the programs promise in return.

What belongs here: attacks on a running server or dashboard, each with the guarantee that it must not break.
Inputs are seeded, bounded in number and time, and go to loopback only. A catalogue of inputs is data beside
its test.

What does not: tests of what a well-behaved client sees, which stand with the module that they test.
"""
