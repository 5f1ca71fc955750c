"""What the API says of itself: groups, versions and resources, and OpenAPI v2 and v3."""
