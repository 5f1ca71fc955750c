"""The API's description of itself: discovery of groups, versions and resources, and OpenAPI v2 and v3."""
