"""A kit for aggregated Kubernetes API servers.

Here belongs what every read-only API behind the Kubernetes aggregation layer needs, whatever it serves:
resources described as data, discovery, OpenAPI, Tables, selectors, content negotiation, `Status` errors,
authentication, authorization, certificates, health and the HTTP server itself.

Here does not belong anything about the objects that are served. The kit knows Kubernetes and nothing
else of this project, and imports nothing of it.

A product declares `resources`. A request comes in through `server`, is parsed by `request`, passes
`authn` and `authz`, and is answered by `resources`, or by `discovery`. `http` has the messages,
`observe` the metrics, the access log and the health checks, `kube` the client of the kube-apiserver,
`tls` the serving certificate, `x509` certificates as such, and `runtime` small tools that know neither
HTTP nor Kubernetes.
"""
