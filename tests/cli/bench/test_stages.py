"""Stages of a deck from its spans, received as they are exported."""

import urllib.request

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from cli.bench.deck.client import Window
from cli.bench.deck.generator import CLIENT_SPAN, Sent, trace_id
from cli.bench.deck.stages import Untraced, breakdown
from cli.bench.deck.traces import Traces, receiving

# Service, name, id, parent, from, to; ms.
API = [
    ("api", "open", 11, 10, 2, 3),
    ("api", "hop", 12, 10, 3, 15),
    ("api", "rank", 13, 12, 4, 14),
    ("api", "keep", 14, 10, 15, 16),
    ("api", "GET /v1/deck", 10, CLIENT_SPAN, 1, 19),
]
RANKER = [
    ("ranker", "search", 21, 20, 7, 11),
    ("ranker", "filter", 22, 21, 8, 9),
    ("ranker", "rank", 20, 13, 6, 12),
]
CONSUMERS = [("consumers", "impressions process", 30, 10, 16, 90)]

Spans = list[tuple[str, str, int, int, int, int]]


def export(traces: Traces, number: int, spans: Spans) -> None:
    """Post spans of a request's trace as an exporter does."""
    request = ExportTraceServiceRequest()
    for service, name, own, parent, start, end in spans:
        resource = request.resource_spans.add()
        attribute = resource.resource.attributes.add(key="service.name")
        attribute.value.string_value = service
        resource.scope_spans.add().spans.add(
            trace_id=trace_id(number).to_bytes(16),
            span_id=own.to_bytes(8),
            parent_span_id=parent.to_bytes(8),
            name=name,
            start_time_unix_nano=start * 1_000_000,
            end_time_unix_nano=end * 1_000_000,
        )
    url = traces.settings["GRAVITY_OTLP_URL"]
    body = request.SerializeToString()
    with urllib.request.urlopen(urllib.request.Request(url, body, method="POST")) as answer:
        assert answer.status == 200


def window(latencies_ms: list[float]) -> Window:
    answered = list(range(len(latencies_ms)))
    return Window(Sent(answered, [], 0, {}, 0.0, 1.0, 0.1, [0.0] * len(answered), latencies_ms), {})


def test_each_moment_belongs_to_the_innermost_span_and_the_rest_is_named() -> None:
    with receiving() as traces:
        export(traces, 1, API)
        export(traces, 1, RANKER + CONSUMERS)
        found = breakdown(window([19.5, 20.0]), traces)
    assert found.stages_ms == pytest.approx(
        {
            "http": 2,
            "edge": 1,
            "open": 1,
            "hop": 6,
            "search": 3,
            "filter": 1,
            "keep": 1,
            "answer": 3,
            # Around the ranker's stages 2, but without tracing half a millisecond less.
            "other": 1.5,
        }
    )
    assert list(found.stages_ms)[:4] == ["http", "edge", "open", "hop"]
    assert (found.traces, found.traced_p50_ms, found.untraced_p50_ms) == (1, 20, 19.5)


def test_decks_that_went_another_way_than_most_and_parts_of_traces_do_not_count() -> None:
    with receiving() as traces:
        for number in (1, 3):
            export(traces, number, API + RANKER)
        export(traces, 5, [*API, *RANKER, ("api", "again", 15, 10, 16, 18)])
        # The spans around it have not come in yet.
        export(traces, 7, [*API[:-1], *RANKER])
        export(traces, 9, API)
        found = breakdown(window([20.0] * 10), traces)
    assert (found.traces, "again" in found.stages_ms) == (2, False)


def test_without_a_trace_there_are_no_stages() -> None:
    with receiving() as traces, pytest.raises(Untraced):
        breakdown(window([20.0, 20.0]), traces)
