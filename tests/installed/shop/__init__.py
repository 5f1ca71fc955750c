"""The demo as pods and our server in the same cluster, installed once, and what must be true of the two."""
