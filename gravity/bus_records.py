"""What travels on the bus."""

from collections.abc import Mapping
from dataclasses import dataclass, field


class AppendFailed(Exception):
    """The record was not acknowledged before the deadline; it may yet appear in the log."""


class BrokenBus(Exception):
    """Reading cannot go on from here: the topic is unknown, or the client has failed for good."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a producer appends. Without headers it carries the current trace context."""

    topic: str
    key: bytes
    value: bytes
    headers: Mapping[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What a consumer reads. `timestamp_ms` is the producer's clock, since the Unix epoch."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict[str, bytes] = field(default_factory=dict)
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class RecordPosition:
    """Where an appended record stands."""

    partition: int
    offset: int
