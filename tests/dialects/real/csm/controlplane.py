"""What proxyless gRPC reads from Google Cloud: the address of a service (xDS), and its cluster (metadata).

It is not Google's server, but the smallest one that the real plugin accepts. Arguments: the address to listen
at, the ports of xDS and of the metadata, and `SERVICE=HOST:PORT` for each service.
"""

from __future__ import annotations

import http.server
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
from typing import Any

import grpc
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import address_pb2, config_source_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from envoy.config.listener.v3 import api_listener_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from google.protobuf import any_pb2

_METADATA = {
    "instance": {
        "attributes": {"cluster-name": "shop-cluster", "cluster-location": "europe-west4-a"},
        "id": 4711,
        "machineType": "projects/1234/machineTypes/e2-standard-2",
        "name": "node-a",
        "zone": "projects/1234/zones/europe-west4-a",
    },
    "project": {"projectId": "shop-project"},
}
_AT_ONCE = 32


def main() -> None:
    host, xds_port, metadata_port, *services = sys.argv[1:]
    server = grpc.server(futures.ThreadPoolExecutor(_AT_ONCE))
    discovery = _Discovery(dict(service.split("=", 1) for service in services))
    ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(discovery, server)
    server.add_insecure_port(f"{host}:{xds_port}")
    server.start()
    _metadata((host, int(metadata_port))).serve_forever()


class _Discovery(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):  # type: ignore[misc] # no types
    def __init__(self, services: Mapping[str, str]) -> None:
        self._services = services

    def StreamAggregatedResources(  # noqa: N802 - the name is the protocol's
        self, requests: Iterable[Any], context: grpc.ServicerContext
    ) -> Iterator[Any]:
        answered: dict[str, list[str]] = {}
        for request in requests:
            names = list(request.resource_names)
            # An acknowledgement names the resources that the client already has.
            if answered.get(request.type_url) == names:
                continue
            answered[request.type_url] = names
            yield discovery_pb2.DiscoveryResponse(
                version_info="1",
                nonce="1",
                type_url=request.type_url,
                resources=[_packed(self._resource(request.type_url, name)) for name in names],
            )

    def _resource(self, type_url: str, name: str) -> Any:
        match type_url.rpartition(".")[2]:
            case "Listener":
                return _listener(name)
            case "Cluster":
                return _cluster(name)
            case "ClusterLoadAssignment":
                return _endpoints(name, self._services[name])
        raise ValueError(f"asked for a {type_url}")


def _listener(name: str) -> Any:
    route = route_components_pb2.Route(
        match=route_components_pb2.RouteMatch(prefix=""),
        route=route_components_pb2.RouteAction(cluster=name),
    )
    host = route_components_pb2.VirtualHost(name=name, domains=["*"], routes=[route])
    manager = http_connection_manager_pb2.HttpConnectionManager(
        route_config=route_pb2.RouteConfiguration(name=name, virtual_hosts=[host]),
        http_filters=[
            http_connection_manager_pb2.HttpFilter(name="router", typed_config=_packed(router_pb2.Router()))
        ],
    )
    api = api_listener_pb2.ApiListener(api_listener=_packed(manager))
    return listener_pb2.Listener(name=name, api_listener=api)


def _cluster(name: str) -> Any:
    source = config_source_pb2.ConfigSource(
        ads=config_source_pb2.AggregatedConfigSource(), resource_api_version=config_source_pb2.V3
    )
    found = cluster_pb2.Cluster.EdsClusterConfig(eds_config=source, service_name=name)
    return cluster_pb2.Cluster(name=name, type=cluster_pb2.Cluster.EDS, eds_cluster_config=found)


def _endpoints(name: str, address: str) -> Any:
    host, _, port = address.rpartition(":")
    socket = address_pb2.SocketAddress(address=host, port_value=int(port))
    endpoint = endpoint_components_pb2.Endpoint(address=address_pb2.Address(socket_address=socket))
    locality = endpoint_components_pb2.LocalityLbEndpoints(
        lb_endpoints=[endpoint_components_pb2.LbEndpoint(endpoint=endpoint)],
        load_balancing_weight={"value": 1},
        locality={"region": "europe-west4", "zone": "europe-west4-a"},
    )
    return endpoint_pb2.ClusterLoadAssignment(cluster_name=name, endpoints=[locality])


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _metadata(address: tuple[str, int]) -> http.server.ThreadingHTTPServer:
    """Clients use this server as their HTTP proxy and request the metadata by its name in Google Cloud."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(_METADATA).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return http.server.ThreadingHTTPServer(address, Answering)


if __name__ == "__main__":
    main()
