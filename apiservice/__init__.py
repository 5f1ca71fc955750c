"""Being an aggregated Kubernetes API server.

Here belongs what every read-only API behind the Kubernetes aggregation layer needs, whatever it serves:
resources described as data, discovery, OpenAPI, Tables, selectors, content negotiation, `Status` errors,
authentication, authorization, certificates, health and the HTTP server itself.

Here does not belong: anything about the objects that are served, where they come from, or how they are
counted. The kit knows Kubernetes and nothing else of this project, and imports nothing of it.

In reading order: `resources` (what a product declares), `requests`, `parameters`, `selectors` and
`negotiation` (what was asked), `routing` and `reading` (what is answered), `table`, `listing` and
`encoding` (in which shape), `discovery` and `openapi` (what the API says of itself), `service` (one request
from credential to answer) and `server` (sockets).

In a cluster, `admission` joins who is let in: `frontproxy`, `clientcertificates` and `tokenreview` in a
`union`, then `subjectaccess`. They ask through `kubeapi` and remember in `memory`. `trust` says which
authority signed a certificate, `delegation` (from `delegationmap`) which authorities there are, and `livetls`
serves by them. `servingsecret` keeps the serving certificate that replicas share, by the rules of `rotation`,
and `registration` tells the APIServices whom to trust. `listwatch` reads lists and watches of objects,
`reflecting` follows all of one resource through whatever goes wrong.
"""
