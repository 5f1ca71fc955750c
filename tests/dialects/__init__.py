"""The same traffic in the words of several meshes, scraped by a real Prometheus and asked of the real server.

The writers know the meshes from their documentation, and nothing of our profiles.
"""
