"""Real small servers on loopback that stand for what the product talks to.

What belongs here: fakes that several tests share and that can be told to misbehave.

What does not: mocks of our own code.
"""
