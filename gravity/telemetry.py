"""Logs, traces and metrics. Nothing personal and no secret belongs into any of them."""

import contextlib
import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TextIO

import asyncpg
from opentelemetry import propagate, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_OFF, ParentBased, Sampler
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from prometheus_client import Counter, Histogram

from gravity.settings import Settings

APPEND_RETRIES = Counter("bus_append_retries", "Records produced again after an error.", ["topic"])
RECORDS_CONSUMED = Counter(
    "bus_records_consumed", "Records whose effects are committed.", ["consumer", "topic"]
)
RECORDS_SKIPPED = Counter(
    "bus_records_skipped", "Records that became dead letters.", ["consumer", "topic"]
)
DEAD_LETTERS_DROPPED = Counter(
    "dead_letters_dropped", "Dead letters given up for newer ones.", ["consumer"]
)
GAPS_PASSED = Counter("bus_gaps_passed", "Waits for missing records given up.", ["topic"])
RECORDS_BELOW_POSITION = Counter(
    "bus_records_below_position", "Records left out as older than the position.", ["consumer"]
)
CONSUMER_ERRORS = Counter(
    "bus_consumer_errors", "Batches given up and read again.", ["consumer", "error"]
)
RECORD_AGE = Histogram(
    "bus_record_age_seconds",
    "From the producer's timestamp to the commit of the effects, newest record of a batch.",
    ["consumer"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
BATCHES_TRIMMED = Counter(
    "bus_batches_trimmed", "Stored batches deleted as read by all.", ["topic"]
)
OUTBOX_RELAYED = Counter("outbox_relayed", "Events appended to the bus.", ["lane"])
HTTP_REQUESTS = Counter(
    "http_requests", "Answers by route and status.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "http_request_seconds",
    "From the first byte of the request to the last of the answer.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_LINES_S = 0.2
_IDS = RandomIdGenerator()
_ENCODER = json.JSONEncoder(default=str, ensure_ascii=False)
_NOTHING: Final = nullcontext()
_CARRIED = frozenset(propagate.get_global_textmap().fields)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
# In traces of exception groups each line has a margin.
_MARGIN = r"\n[ |]*"
_DETAIL = re.compile(_MARGIN + "DETAIL:.*")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, trace id, and what `extra` held."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = trace.format_trace_id(context.trace_id)
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            text = self.formatException(record.exc_info)
            line["exception"] = without_details(text, record.exc_info[1])
        return _ENCODER.encode(line)


class Lines(logging.Handler):
    """Writes lines to a stream, those of a fifth of a second together: each write wakes up whoever
    keeps the logs, which took more than the line itself. Warnings and worse are written at once.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        self._waiting: list[str] = []
        self._closed = threading.Event()
        threading.Thread(target=self._write_forever, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, or write it and what waits."""
        try:
            line = self.format(record)
            # One that cannot be written must not take the others with it.
            raw = line.encode(self._encoding, "backslashreplace")
            self._waiting.append(raw.decode(self._encoding))
            if record.levelno >= logging.WARNING:
                self.flush()
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Write what waits; the library calls this at the end of the process, too."""
        self.acquire()
        try:
            waiting, self._waiting = self._waiting, []
            if waiting:
                self._stream.write("".join(f"{line}\n" for line in waiting))
                self._stream.flush()
        finally:
            self.release()

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._closed.set()
        with contextlib.suppress(ValueError):
            self.flush()
        super().close()

    def _write_forever(self) -> None:
        while not self._closed.wait(_LINES_S):
            try:
                self.flush()
            except ValueError:
                # The stream is closed: by whoever replaced it.
                return


def without_details(text: str, error: BaseException | None) -> str:
    """`text`, made from an exception, without the details that Postgres adds to its messages:
    the row that failed, which is somebody's data."""
    for detail in _details(error, set()):
        lines = (re.escape(line) for line in detail.splitlines())
        text = re.sub(_MARGIN.join(lines), "", text)
    return _DETAIL.sub("", text)


def _details(error: BaseException | None, met: set[int]) -> Iterator[str]:
    """The details of an exception, of what it came from and of what it groups."""
    if error is None or id(error) in met:
        return
    met.add(id(error))
    detail = getattr(error, "detail", None)
    if isinstance(error, asyncpg.PostgresError) and detail:
        yield str(detail)
    grouped = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for each in (error.__cause__, error.__context__, *grouped):
        yield from _details(each, met)


def configure(
    service: str, settings: Settings, processors: Sequence[SpanProcessor] = ()
) -> TracerProvider:
    """Set up this process: JSON logs on stdout, and traces.

    Traces are recorded where something receives them (`otlp_url` or `processors`), those that
    OpenTelemetry's own OTEL_TRACES_SAMPLER says: all of them by default, only what the client
    marks as sampled with `parentbased_always_off`. Otherwise their ids still travel through HTTP,
    the bus and the logs, which costs next to nothing.
    """
    handler = Lines(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # What no line says is not asked for either.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # One line a request comes from the access log; these would repeat it.
    for noisy in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    receives = [*processors, *_otlp(settings)]
    provider = TracerProvider(
        # None: the one of the environment.
        sampler=None if receives else ALWAYS_OFF,
        resource=Resource.create({"service.name": service}),
    )
    for processor in receives:
        provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return provider


def _otlp(settings: Settings) -> list[SpanProcessor]:
    if settings.otlp_url is None:
        return []
    # Here, since the exporter's HTTP stack costs every process that does not export.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return [BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_url))]


@lru_cache(maxsize=1)
def _tracer(provider: trace.TracerProvider) -> trace.Tracer:
    # Asking for it costs the SDK 30 µs each time.
    return provider.get_tracer("gravity")


@contextmanager
def span(
    name: str,
    kind: Literal["internal", "server", "client", "producer", "consumer"] = "internal",
    parent: Context | None = None,
    links: Sequence[Link] = (),
) -> Iterator[Span]:
    """A span that is current inside the block; a child of `parent`, or else of the current one.

    Inside one that nobody records it is that one: a child would only cost its making.
    """
    around = trace.get_current_span(parent)
    known = around.get_span_context()
    if known.is_valid and not around.is_recording() and parent is None:
        yield around
        return
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider) and _drops(provider.sampler, known):
        # As the SDK would, in less than half of its time. Not in `parent`, which may carry what a
        # client said (baggage).
        token = attach(trace.set_span_in_context(_unrecorded(known)))
        try:
            yield trace.get_current_span()
        finally:
            detach(token)
        return
    with _tracer(provider).start_as_current_span(
        name,
        parent,
        _KINDS[kind],
        links=list(links),
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as error:
            _record(current, error)
            raise


def stage(name: str) -> AbstractContextManager[object]:
    """A span that times a part of the current one's work; nothing at all where nobody records it.

    Its name is one of a fixed few: breakdowns of where the time goes are made of them.
    """
    return span(name) if trace.get_current_span().is_recording() else _NOTHING


def _drops(sampler: Sampler, parent: SpanContext) -> bool:
    """Whether a sampler is known to record no child of `parent`, without asking it."""
    if parent.is_valid:
        unsampled = not parent.trace_flags.sampled
        return sampler is ALWAYS_OFF or (isinstance(sampler, ParentBased) and unsampled)
    return sampler in (ALWAYS_OFF, DEFAULT_OFF)


def _unrecorded(parent: SpanContext) -> Span:
    """Only the ids of a span, of the parent's trace where there is one."""
    trace_id, flags = _IDS.generate_trace_id(), TraceFlags.RANDOM_TRACE_ID
    if parent.is_valid:
        trace_id, flags = parent.trace_id, parent.trace_flags & flags
    own = _IDS.generate_span_id()
    return NonRecordingSpan(
        SpanContext(trace_id, own, False, TraceFlags(flags), parent.trace_state)
    )


def _record(current: Span, error: Exception) -> None:
    """The exception as an event of the span, without personal data."""
    message = without_details(str(error), error)
    trace_text = without_details("".join(traceback.format_exception(error)), error)
    current.record_exception(
        error, {"exception.message": message, "exception.stacktrace": trace_text}
    )
    current.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {message}"))


def inject() -> dict[str, bytes]:
    """The current trace context as headers of a record (W3C `traceparent`, `tracestate`)."""
    return {name: value.encode() for name, value in outgoing().items()}


def outgoing() -> dict[str, str]:
    """The current trace context as headers of an HTTP request."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


def extract(headers: Mapping[str, bytes]) -> Context:
    """The trace context of a record or an HTTP request; empty where there is none."""
    if _CARRIED.isdisjoint(headers):
        return Context()
    return propagate.extract(
        {name: value.decode("latin-1") for name, value in headers.items()}, context=Context()
    )
