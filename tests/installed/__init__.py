"""The product in a cluster: our image, our manifests, real pods. `tests.cluster` makes the clusters."""
