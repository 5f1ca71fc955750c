"""Who sends a request: front-proxy headers, client certificates and bearer tokens, tried in this order."""
