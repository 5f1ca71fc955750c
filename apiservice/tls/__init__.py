"""The serving certificate: made, shared between replicas, renewed, registered, and used without a restart."""
