"""Receives the spans that a stack's processes export by OTLP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Span:
    """A span; ids as integers, 0 for no parent; ns since 1970."""

    trace: int
    id: int
    parent: int
    service: str
    name: str
    start_ns: int
    end_ns: int

    @property
    def took_ms(self) -> float:
        """From its start to its end."""
        return (self.end_ns - self.start_ns) / 1e6


class Traces:
    """What came in. While it comes it is only kept: nobody's time is taken."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._bodies: list[bytes] = []

    @property
    def settings(self) -> dict[str, str]:
        """The environment in which processes export here what a client wants traced, soon."""
        return {
            "GRAVITY_OTLP_URL": f"http://127.0.0.1:{self._port}{_PATH}",
            "OTEL_TRACES_SAMPLER": "parentbased_always_off",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
        }

    def keep(self, body: bytes) -> None:
        """One export."""
        self._bodies.append(body)

    def by_trace(self) -> dict[int, list[Span]]:
        """The spans of each trace, in the order of their start."""
        found: dict[int, list[Span]] = {}
        for body in list(self._bodies):
            for span in _spans(body):
                found.setdefault(span.trace, []).append(span)
        return {trace: sorted(spans, key=lambda s: s.start_ns) for trace, spans in found.items()}


@contextmanager
def receiving() -> Iterator[Traces]:
    """Listen on a port of this machine until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            traces.keep(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads them."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        # A connection that is kept open must not hold up the end.
        server.daemon_threads, server.block_on_close = True, False
        traces = Traces(server.server_port)
        thread = threading.Thread(target=server.serve_forever, name="traces", daemon=True)
        thread.start()
        try:
            yield traces
        finally:
            server.shutdown()
            thread.join()


def _spans(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = next(
            (a.value.string_value for a in resource.resource.attributes if a.key == "service.name"),
            "",
        )
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    trace=int.from_bytes(span.trace_id),
                    id=int.from_bytes(span.span_id),
                    parent=int.from_bytes(span.parent_span_id),
                    service=service,
                    name=span.name,
                    start_ns=span.start_time_unix_nano,
                    end_ns=span.end_time_unix_nano,
                )
