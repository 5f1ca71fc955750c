"""Certificates as such: issuing, verifying, and key identifiers."""
