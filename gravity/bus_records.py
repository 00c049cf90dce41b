"""What travels on the bus."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

Place = tuple[str, int]
"""A partition: topic and number."""


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


class Record(NamedTuple):
    """What a consumer reads. `timestamp_ms` is the producer's clock, since the Unix epoch.

    A tuple, as making one costs a third of what a frozen dataclass does.
    """

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Mapping[str, bytes] = MappingProxyType({})
    timestamp_ms: int = 0


class RecordPosition(NamedTuple):
    """Where an appended record stands."""

    partition: int
    offset: int


def packed_headers(headers: Mapping[str, bytes]) -> bytes | None:
    """Headers as one column of a table; None where there is none."""
    if not headers:
        return None
    return json.dumps({name: value.decode("latin-1") for name, value in headers.items()}).encode()


def unpacked_headers(packed: bytes | None) -> dict[str, bytes]:
    """The inverse of `packed_headers`."""
    if packed is None:
        return {}
    return {name: value.encode("latin-1") for name, value in json.loads(packed).items()}
