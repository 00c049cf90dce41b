"""One trace from the request through the bus into the consumer, and logs that name it."""

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import asyncpg
import httpx
import pytest
from fastapi import APIRouter
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    Sampler,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from contracts import events_pb2 as events
from contracts import topics
from gravity import outbox, telemetry
from gravity.bus import Message, Record, create_topics
from gravity.consumer import Subscription, consume
from gravity.http import create_app
from gravity.kernel import Kernel, open_kernel
from gravity.settings import Settings

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
TOPIC = topics.PERSON_ERASED
# With an empty line, as somebody's text may have; traces quote lines of code, but not this one.
PERSONAL = "Secret\n\nName"


@pytest.fixture(scope="session")
def exporter() -> Iterator[InMemorySpanExporter]:
    """The process has one tracer provider; this one keeps its spans."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    yield memory
    provider.shutdown()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    exporter.clear()
    return exporter


@pytest.fixture
async def kernel(settings: Settings, tables: asyncpg.Pool) -> AsyncIterator[Kernel]:
    await create_topics(settings.bus_url, topics.ALL)
    async with open_kernel(settings) as kernel:
        yield kernel


def erasing(kernel: Kernel) -> APIRouter:
    """Appends one event directly and one through the outbox."""
    router = APIRouter()
    value = events.PersonErased(event_id="1", person=1).SerializeToString()
    message = Message(TOPIC.name, b"1", value)

    @router.post("/direct")
    async def direct() -> None:
        await kernel.producer.append(message)

    @router.post("/outbox")
    async def through_the_outbox() -> None:
        async with kernel.pool.acquire() as conn, conn.transaction():
            await outbox.put(conn, "lane", [message])

    return router


async def consumed(kernel: Kernel) -> None:
    """Run a consumer until it has handled one batch."""
    stop = asyncio.Event()

    async def handle(_: asyncpg.Connection, records: Sequence[Record]) -> None:
        logging.getLogger("tests").info("handled", extra={"records": len(records)})
        stop.set()

    subscription = Subscription("tests", (TOPIC,), handle)
    await consume(subscription, kernel.pool, kernel.settings.bus_url, stop)


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    number: int = span.context.span_id
    return number


async def post(kernel: Kernel, path: str) -> None:
    transport = httpx.ASGITransport(create_app("Tests", kernel, [erasing(kernel)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
        answer = await client.post(path, headers={"traceparent": TRACEPARENT})
        assert answer.status_code == 200


async def test_a_trace_goes_from_the_request_over_the_bus_into_the_consumer(
    kernel: Kernel, spans: InMemorySpanExporter
) -> None:
    await post(kernel, "/direct")
    await consumed(kernel)
    found = by_name(spans)
    request, publish = found["POST /direct"], found["person.erased publish"]
    process = found["tests process"]
    assert {
        trace.format_trace_id(span.context.trace_id)
        for span in (request, publish, process)
        if span.context
    } == {TRACE}
    assert parent_of(publish) == id_of(request)
    assert parent_of(process) == id_of(publish)


async def test_a_trace_survives_the_outbox(kernel: Kernel, spans: InMemorySpanExporter) -> None:
    await post(kernel, "/outbox")
    async with kernel.pool.acquire() as conn:
        assert await outbox.relay_once(conn, kernel.producer, "lane") == 1
    await consumed(kernel)
    found = by_name(spans)
    assert parent_of(found["tests process"]) == id_of(found["POST /outbox"])


async def test_a_log_line_is_json_and_names_its_trace(spans: InMemorySpanExporter) -> None:
    record = logging.getLogger("tests").makeRecord(
        "tests", logging.INFO, "f", 1, "hello %s", ("you",), None, extra={"person": 7}
    )
    with telemetry.span("work", parent=telemetry.extract({"traceparent": TRACEPARENT.encode()})):
        line = json.loads(telemetry.JsonFormatter("api").format(record))
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "api",
        "logger": "tests",
        "message": "hello you",
        "trace_id": TRACE,
        "person": 7,
    }


async def test_neither_logs_nor_spans_repeat_the_row_that_postgres_refused(
    tables: asyncpg.Pool, spans: InMemorySpanExporter
) -> None:
    await tables.execute("create table people (name text, age int check (age > 0))")
    formatter = telemetry.JsonFormatter("api")
    try:
        with telemetry.span("work"):
            try:
                await tables.execute("insert into people values ($1, -1)", PERSONAL)
            except asyncpg.CheckViolationError as error:
                assert PERSONAL in str(error)
                raise ExceptionGroup("both", [error, ValueError(str(error))]) from error
    except ExceptionGroup as error:
        info = (type(error), error, error.__traceback__)
        record = logging.LogRecord("tests", logging.ERROR, "f", 1, "failed", (), info)
        line = json.loads(formatter.format(record))
    [event] = by_name(spans)["work"].events
    status = by_name(spans)["work"].status.description
    for text in (line["exception"], str(event.attributes), str(status)):
        assert "Secret" not in text
        assert "Name" not in text
    assert "people_age_check" in line["exception"]


def test_a_context_that_is_not_one_is_ignored() -> None:
    for value in (b"", b"garbage", b"\xff\xfe", b"00-0-0-0"):
        context = telemetry.extract({"traceparent": value})
        assert not trace.get_current_span(context).get_span_context().is_valid


def line(level: int, message: str) -> logging.LogRecord:
    return logging.LogRecord("tests", level, "f", 1, message, (), None)


def test_lines_wait_for_each_other_and_warnings_for_nobody() -> None:
    written = io.StringIO()
    handler = telemetry.Lines(written)
    # Nobody writes in between but the test.
    handler.acquire()
    handler.handle(line(logging.INFO, "one"))
    handler.handle(line(logging.INFO, "two"))
    assert written.getvalue() == ""
    handler.handle(line(logging.WARNING, "three"))
    handler.release()
    assert written.getvalue() == "one\ntwo\nthree\n"
    handler.close()


def test_what_waits_is_written_soon_and_at_the_end() -> None:
    written = io.StringIO()
    handler = telemetry.Lines(written)
    handler.handle(line(logging.INFO, "soon"))
    until = time.monotonic() + 20
    while written.getvalue() != "soon\n" and time.monotonic() < until:
        time.sleep(0.01)
    handler.handle(line(logging.INFO, "last"))
    handler.close()
    assert written.getvalue() == "soon\nlast\n"


def test_a_line_that_no_encoding_has_takes_no_other_with_it() -> None:
    raw = io.BytesIO()
    handler = telemetry.Lines(io.TextIOWrapper(raw, "ascii"))
    handler.handle(line(logging.INFO, "before"))
    handler.handle(line(logging.INFO, "\udc80 é"))
    handler.handle(line(logging.WARNING, "after"))
    assert raw.getvalue() == b"before\n\\udc80 \\xe9\nafter\n"
    handler.close()


def test_inside_what_nobody_records_there_are_no_further_spans() -> None:
    unrecorded = NonRecordingSpan(
        SpanContext(int(TRACE, 16), 1, is_remote=False, trace_flags=TraceFlags(0))
    )
    with trace.use_span(unrecorded), telemetry.span("inner") as inner:
        assert inner is unrecorded
        assert b"-00" in telemetry.inject()["traceparent"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": TRACEPARENT.encode()},
        {"traceparent": TRACEPARENT.encode(), "tracestate": b"a=1", "baggage": b"name=secret"},
    ],
)
@pytest.mark.parametrize("sampler", [ALWAYS_OFF, DEFAULT_OFF, DEFAULT_ON])
def test_where_nobody_records_the_ids_travel_as_the_library_lets_them(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, bytes], sampler: Sampler
) -> None:
    if sampler is not ALWAYS_OFF:
        headers = {**headers, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-00".encode()}
    provider = TracerProvider(sampler=sampler)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    parent = telemetry.extract(headers)
    with provider.get_tracer("tests").start_as_current_span("library", parent):
        theirs = trace.get_current_span().get_span_context()
        carried = telemetry.inject().keys()
    with telemetry.span("ours", "server", parent) as span, telemetry.span("inner") as inner:
        ours = trace.get_current_span().get_span_context()
        assert inner is span
        assert telemetry.inject().keys() == carried
        assert "baggage" not in carried
    assert not trace.get_current_span().get_span_context().is_valid
    assert (ours.trace_flags, ours.trace_state) == (theirs.trace_flags, theirs.trace_state)
    assert (ours.is_valid, ours.is_remote, span.is_recording()) == (True, False, False)
    assert (ours.trace_id == theirs.trace_id) is bool(headers)
    assert ours.span_id != trace.get_current_span(parent).get_span_context().span_id


def test_without_headers_there_is_no_context() -> None:
    assert telemetry.extract({"host": b"x"}) == {}


def recorded(
    monkeypatch: pytest.MonkeyPatch, sampler: Sampler, headers: dict[str, bytes]
) -> list[str]:
    """Names of the spans of some work in stages."""
    memory, provider = InMemorySpanExporter(), TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    with telemetry.span("work", "server", telemetry.extract(headers)):
        with telemetry.stage("first"):
            pass
        with telemetry.stage("second"), telemetry.stage("inside"):
            pass
    with telemetry.stage("outside"):
        pass
    return [span.name for span in memory.get_finished_spans()]


@pytest.mark.parametrize(
    ("sampler", "flag", "records"),
    [
        (DEFAULT_OFF, None, False),
        (DEFAULT_OFF, "00", False),
        (DEFAULT_OFF, "01", True),
        (DEFAULT_ON, None, True),
        (DEFAULT_ON, "00", False),
        (ALWAYS_ON, "00", True),
        (ALWAYS_OFF, "01", False),
    ],
)
def test_the_sampler_says_what_is_recorded_and_stages_follow(
    monkeypatch: pytest.MonkeyPatch, sampler: Sampler, flag: str | None, *, records: bool
) -> None:
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-{flag}".encode()} if flag else {}
    found = recorded(monkeypatch, sampler, headers)
    assert found == (["first", "inside", "second", "work"] if records else [])
