"""The product in a cluster: our image, our manifests, real pods. What a cluster is, is `tests.cluster`."""
