"""What travels on the bus."""

from collections.abc import Mapping
from dataclasses import dataclass, field


class AppendFailed(Exception):
    """The record was not acknowledged before the deadline; it may yet appear in the log."""


class BrokenBus(Exception):
    """Reading cannot go on from here: the topic is unknown, or the client has failed for good."""


class WrongBus(Exception):
    """A position lies beyond the end of the log: it was reached on another bus, or the log was
    emptied. Reading on would pass over every record until the log is as long as it was."""

    def __init__(self, topic: str, partition: int, position: int, end: int) -> None:
        super().__init__(
            f"{topic}/{partition}: the log ends at {end}, the stored position is {position};"
            " this is not the bus that the positions belong to"
        )


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
