"""The serving certificate: issued, shared by all replicas, renewed, put into APIServices, and reloaded."""
