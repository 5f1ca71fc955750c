"""The group `metrics.smi-spec.io/v1alpha1`: TrafficMetrics, edges and splits, as JSON and as tables."""
