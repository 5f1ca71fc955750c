"""X.509 certificates: issuing, verification, key identifiers, and explanations of damaged PEM files."""
