module adapter

go 1.24.0

require sigs.k8s.io/prometheus-adapter v0.12.0
