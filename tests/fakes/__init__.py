"""Real small servers on loopback that replace the servers that the product talks to.

What belongs here: fakes that several tests share and whose faults a test can choose.

What does not: mocks of our own code.
"""
