"""Reading the bus from given offsets: no groups, no positions kept here."""

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self, cast

import confluent_kafka

from gravity import telemetry
from gravity.bus_engines import Config, Engine, engine_of
from gravity.bus_gaps import Gaps, Passed
from gravity.bus_records import BrokenBus, Place, Record, WrongBus

# Records older than the first on arrival mean that we are behind; below the second, no more.
_BEHIND_MS = 3000
_ABREAST_MS = 1500
# How soon silence is doubted, and how often after that.
_FIRST_DOUBT_S = 5.0
_NEXT_DOUBT_S = 30.0
# A partition that short fetches found silent and a long one did not is a long one, and stays so.
_LONG_PARTITION_S = 600.0
_END_TIMEOUT_S = 5.0
# The embedded broker says that the log ends with the first record of the first batch of its last
# second, roughly: it may end so many records later.
_UNSURE = 50_000
_UNREADABLE = frozenset(
    {
        confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART,
        confluent_kafka.KafkaError._UNKNOWN_TOPIC,
        confluent_kafka.KafkaError._UNKNOWN_PARTITION,
    }
)

_Places = dict[Place, int]
# Partitions that wait at a gap are looked at again this soon.
_GAP_POLL_S = 0.05

log = logging.getLogger(__name__)


class Consumer:
    """Reads assigned partitions, each in order, from the offsets given.

    The embedded broker needs two ways of fetching. Live: short fetches, as it sleeps inside a
    long one and would add that to every record. Patient: long ones, as a short fetch of a
    partition of many batches returns few records, or none and no error. Records that arrive late
    make it patient, and recent ones live again. Silence is checked with a patient second client
    now and then, beside the live one.
    """

    def __init__(self, engine: Engine, positions: Mapping[Place, int], *, prompt: bool) -> None:
        self._engine = engine
        self._live = engine.consumer if prompt else engine.calm_consumer
        self._gaps = Gaps(positions)
        self._next = self._gaps.next
        self._patient = False
        self._patient_until = 0.0
        self._client = _connect(self._live, self._next)
        self._closing = threading.Event()
        self._doubt_at = time.monotonic() + _FIRST_DOUBT_S
        self._doubt: Future[_Places] | None = None
        # The client blocks; its own threads keep it from starving the default executor.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="bus-consumer")

    @classmethod
    def open(cls, bus_url: str, positions: Mapping[Place, int], *, prompt: bool = True) -> Self:
        """Start reading at `positions`: the offset of the first record of each place.

        Without `prompt` records may come a quarter of a second later, which spares the embedded
        broker most of the work of a consumer that waits.
        """
        return cls(engine_of(bus_url), positions, prompt=prompt)

    async def check(self) -> None:
        """Compare the positions with where the log ends; to be called before the first poll.

        The brokers do not tell: the embedded one is silent until the log reaches the position, a
        cluster goes back to the oldest record. On the embedded one only an empty log, or one that
        is shorter by more than a batch, is told for sure. Raises WrongBus, KafkaException.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._check)

    async def ends(self) -> dict[Place, int]:
        """The offset behind the last record of each place, 0 where there is none; on an engine that
        tells it early, behind one of the last (`Engine.ends_early_s`). Raises BrokenBus."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ends)

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Up to `max_records`, as soon as there is one; empty after `timeout_s`.

        Records of one partition are in order, without repetition and without gaps: at one it waits
        for up to 6.5 s longer. Connection errors are waited out, not raised: the client reconnects
        by itself. Raises BrokenBus.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._poll, max_records, timeout_s)

    async def close(self) -> None:
        """Stop reading."""
        self._closing.set()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._client.close)
        await loop.run_in_executor(None, self._threads.shutdown)

    def _check(self) -> None:
        for (topic, partition), position in self._next.items():
            if position == 0:
                continue
            place = confluent_kafka.TopicPartition(topic, partition)
            offsets = self._client.get_watermark_offsets(place, timeout=_END_TIMEOUT_S)
            end = offsets[1] if offsets is not None else -1
            unsure = _UNSURE if end and self._engine.needs_trimming else 0
            if 0 <= end < position - unsure:
                raise WrongBus(topic, partition, position, end)

    def _ends(self) -> _Places:
        found: _Places = {}
        for topic, partition in self._next:
            place = confluent_kafka.TopicPartition(topic, partition)
            try:
                offsets = self._client.get_watermark_offsets(place, timeout=_END_TIMEOUT_S)
            except confluent_kafka.KafkaException as error:
                raise BrokenBus(f"{topic}/{partition}: its end is not known: {error}") from error
            if offsets is None:
                raise BrokenBus(f"{topic}/{partition}: its end did not become known in time")
            first, end = offsets
            found[topic, partition] = end if first < end else 0
        return found

    def _poll(self, max_records: int, timeout_s: float) -> list[Record]:
        records = self._read(max_records, timeout_s)
        while not records and self._gaps.open and not self._closing.is_set():
            self._read_again()
            records = self._read(max_records, _GAP_POLL_S)
        return records

    def _read(self, max_records: int, timeout_s: float) -> list[Record]:
        first = self._client.poll(timeout_s)
        if first is None:
            self._on_silence()
            return []
        # What is fetched already comes along; waiting for more would only cost time.
        rest = self._client.consume(max_records - 1, 0) if max_records > 1 else []
        records = [record for message in [first, *rest] if (record := _record(message))]
        if self._engine.shows_gaps:
            records = self._without_gaps(records)
        else:
            self._next.update({(r.topic, r.partition): r.offset + 1 for r in records})
        if records:
            self._on_records(records[-1])
        return records

    def _without_gaps(self, records: list[Record]) -> list[Record]:
        now, now_ms = time.monotonic(), time.time() * 1000
        held = set(self._gaps.held())
        admitted = [record for record in records if self._gaps.admits(record, now, now_ms)]
        if newly := [place for place in self._gaps.held() if place not in held]:
            self._client.incremental_unassign([confluent_kafka.TopicPartition(*p) for p in newly])
        for passed in self._gaps.passed():
            self._report(passed)
        return admitted

    def _read_again(self) -> None:
        if due := self._gaps.due(time.monotonic()):
            self._client.incremental_assign(
                [confluent_kafka.TopicPartition(*place, offset) for place, offset in due.items()]
            )

    def _report(self, passed: Passed) -> None:
        """Tell a gap from records that are missing because the log was trimmed."""
        place = confluent_kafka.TopicPartition(passed.topic, passed.partition)
        offsets = self._client.get_watermark_offsets(place, timeout=_END_TIMEOUT_S)
        where = {
            "topic": passed.topic,
            "partition": passed.partition,
            "expected": passed.expected,
            "found": passed.found,
        }
        if offsets is not None and offsets[0] > passed.expected:
            log.info("the log begins above the position", extra=where)
            return
        telemetry.GAPS_PASSED.labels(passed.topic).inc()
        log.error("records are missing", extra=where)

    def _on_records(self, newest: Record) -> None:
        self._doubt_at = time.monotonic() + _FIRST_DOUBT_S
        age_ms = time.time() * 1000 - newest.timestamp_ms
        if age_ms > _BEHIND_MS:
            self._fetch(patiently=True)
        elif age_ms < _ABREAST_MS and time.monotonic() > self._patient_until:
            self._fetch(patiently=False)

    def _on_silence(self) -> None:
        if self._doubt is None:
            if time.monotonic() >= self._doubt_at and self._engine.patience_s and not self._patient:
                self._doubt = self._threads.submit(self._look_patiently, dict(self._next))
        elif self._doubt.done():
            found, self._doubt = self._doubt.result(), None
            self._doubt_at = time.monotonic() + _NEXT_DOUBT_S
            # Where the live client has not moved past them meanwhile, it does not see them.
            if any(
                self._next[place] == offset and place not in self._gaps.open
                for place, offset in found.items()
            ):
                self._patient_until = time.monotonic() + _LONG_PARTITION_S
                self._fetch(patiently=True)

    def _look_patiently(self, start: _Places) -> _Places:
        """The places of `start` where there is a record after all."""
        client = _connect(self._engine.patient_consumer, start)
        until = time.monotonic() + 2 * self._engine.patience_s
        try:
            while time.monotonic() < until and not self._closing.is_set():
                message = client.poll(0.1)
                if message is not None and (record := _record(message)):
                    place = (record.topic, record.partition)
                    return {place: start[place]}
            return {}
        finally:
            client.close()

    def _fetch(self, *, patiently: bool) -> None:
        if patiently is self._patient or not self._engine.patience_s:
            return
        self._client.close()
        self._patient = patiently
        config = self._engine.patient_consumer if patiently else self._live
        self._client = _connect(config, self._next)
        self._gaps.read_again(time.monotonic())


def _connect(config: Config, positions: _Places) -> confluent_kafka.Consumer:
    client = confluent_kafka.Consumer(config, logger=logging.getLogger("gravity.bus"))
    client.assign(
        [
            confluent_kafka.TopicPartition(topic, partition, offset)
            for (topic, partition), offset in positions.items()
        ]
    )
    return client


def _record(message: confluent_kafka.Message) -> Record | None:
    error = message.error()
    if error is not None:
        if error.fatal() or error.code() in _UNREADABLE:
            raise BrokenBus(f"{message.topic()}: {error}")
        return None
    headers = message.headers()
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        _bytes(message.key()),
        _bytes(message.value()),
        # Values are bytes, whatever the library's types say.
        cast("dict[str, bytes]", dict(headers)) if headers else {},
        message.timestamp()[1],
    )


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
