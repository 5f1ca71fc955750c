"""What operators see of the server: request metrics, the access log and health checks."""
