"""One workload without a proxy: a gRPC server and client with the CSM observability plugin.

Its argument is a file with its environment (that of a pod on GKE), the address to listen at, and the next
workload, if there is one. A request carries a list of what each hop answers, such as `OK/UNAVAILABLE`: the
first entry is this workload's own answer, which it sends after it has called the next one with the rest.
`SLOW` does not answer before its caller has given up. `GET /go?ASKED=COUNT&...` calls the next workload and
returns how often each answer came.
"""

from __future__ import annotations

import collections
import http.server
import itertools
import json
import os
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable
from concurrent import futures
from pathlib import Path

import grpc
import grpc_csm_observability
import prometheus_client
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk import metrics
from opentelemetry.sdk.metrics import view

_METHOD = "/shop.Shop/Ask"
_SLOW = "SLOW"
_PAUSES = (0.0, 0.002, 0.005, 0.012, 0.03, 0.07)
"""Seconds, used in turn."""
_AT_ONCE = 20
_BOUNDS = (
    0, 0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008,
    0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5,
    0.65, 0.8, 1, 2, 5, 10, 20, 50, 100,
)  # fmt: skip
"""Seconds, as gRPC advises. The plugin does not set them, and the first of OpenTelemetry's own is 5 s."""

Ask = Callable[[str], grpc.StatusCode]


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text())
    os.environ.update(config["environment"])
    bounds = view.View(
        instrument_name="grpc.*.duration", aggregation=view.ExplicitBucketHistogramAggregation(_BOUNDS)
    )
    provider = metrics.MeterProvider(metric_readers=[PrometheusMetricReader()], views=[bounds])
    grpc_csm_observability.CsmOpenTelemetryPlugin(meter_provider=provider).register_global()
    host, ports = config["host"], config["ports"]
    prometheus_client.start_http_server(ports["metrics"], addr=host)
    ask = _asking(config["asks"], deadline=config["deadline"]) if config["asks"] else None
    server = _server(f"{host}:{ports['grpc']}", ask)
    server.start()
    if ask is not None:
        going = _going((host, ports["go"]), ask)
        threading.Thread(target=going.serve_forever, daemon=True).start()
    server.wait_for_termination()


def _asking(service: str, *, deadline: float) -> Ask:
    channel = grpc.insecure_channel(f"xds:///{service}")
    call = channel.unary_unary(_METHOD, _registered_method=True)

    def ask(what: str) -> grpc.StatusCode:
        try:
            patience = deadline if what == _SLOW else None
            call(what.encode(), timeout=patience, wait_for_ready=True)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    return ask


def _server(address: str, ask: Ask | None) -> grpc.Server:
    pauses = itertools.cycle(_PAUSES)

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        own, _, rest = request.decode().partition("/")
        if rest and ask is not None:
            ask(rest)
        if own == _SLOW:
            gone = threading.Event()
            if context.add_callback(gone.set):
                gone.wait()
        time.sleep(next(pauses))
        if own not in ("OK", _SLOW):
            context.abort(grpc.StatusCode[own], own)
        return b""

    service, method = _METHOD.strip("/").split("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(answer)}
    server = grpc.server(futures.ThreadPoolExecutor(_AT_ONCE * 2))
    server.add_registered_method_handlers(service, handlers)
    server.add_insecure_port(address)
    return server


def _going(address: tuple[str, int], ask: Ask) -> http.server.ThreadingHTTPServer:
    class Going(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = urllib.parse.urlsplit(self.path).query
            every = [what for what, count in urllib.parse.parse_qsl(query) for _ in range(int(count))]
            with futures.ThreadPoolExecutor(_AT_ONCE) as pool:
                reply = collections.Counter(code.name for code in pool.map(ask, every))
            body = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return http.server.ThreadingHTTPServer(address, Going)


if __name__ == "__main__":
    main()
