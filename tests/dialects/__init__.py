"""The same traffic as several meshes report it, scraped by a real Prometheus and read from the real server.

The writers follow the documentation of the meshes and use none of our profiles.
"""
