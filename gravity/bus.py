"""The bus: append records and read them back, over the Kafka protocol.

The client library calls back from its own threads; here one thread per producer or consumer
waits for it, and everything else is asyncio.
"""

import asyncio
import contextlib
import random
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

import confluent_kafka
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contracts.topics import Topic
from gravity import telemetry
from gravity.bus_engines import engine_of


class AppendFailed(Exception):
    """The record was not acknowledged before the deadline; it may yet appear in the log."""


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


@dataclass(frozen=True, slots=True)
class _Report:
    """What became of one produce call: a position, or the error."""

    future: "asyncio.Future[RecordPosition | str]"
    outcome: RecordPosition | str


class Producer:
    """Appends with acks=all, and again on any error until a deadline: a record may be in the log
    twice, so consumers tell events apart by their ids. Two appends keep their order if the second
    begins after the first was acknowledged; within one `append_many` each key keeps its order.
    """

    def __init__(
        self,
        client: confluent_kafka.Producer,
        loop: asyncio.AbstractEventLoop,
        deadline_s: float,
    ) -> None:
        self._client = client
        self._loop = loop
        self._deadline_s = deadline_s
        self._reports: list[_Report] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="bus-producer", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, bus_url: str, deadline_s: float = 10.0) -> Self:
        """To be called inside a running event loop; nothing is sent before the first append."""
        client = confluent_kafka.Producer(engine_of(bus_url).producer)
        return cls(client, asyncio.get_running_loop(), deadline_s)

    async def append(self, message: Message) -> RecordPosition:
        """Append one record and wait for its acknowledgement. Raises AppendFailed."""
        return (await self.append_many([message]))[0]

    async def append_many(self, messages: Sequence[Message]) -> list[RecordPosition]:
        """Append a batch; positions are in the order of `messages`. Raises AppendFailed.

        A key that occurs twice goes in two waves, so that no retry overtakes.
        """
        if not messages:
            return []
        positions: dict[int, RecordPosition] = {}
        with telemetry.span(f"{messages[0].topic} publish", kind="producer"):
            headers = telemetry.inject()
            for wave in _waves(messages):
                await self._append_wave(messages, wave, headers, positions)
        return [positions[n] for n in range(len(messages))]

    async def close(self) -> None:
        """Wait for what is under way, then stop the thread."""
        self._closing.set()
        await asyncio.to_thread(self._thread.join)

    async def _append_wave(
        self,
        messages: Sequence[Message],
        wave: Sequence[int],
        headers: dict[str, bytes],
        positions: dict[int, RecordPosition],
    ) -> None:
        deadline = self._loop.time() + self._deadline_s
        left = list(wave)
        while True:
            outcomes = await asyncio.gather(*(self._send(messages[n], headers) for n in left))
            failed: list[int] = []
            error = ""
            for n, outcome in zip(left, outcomes, strict=True):
                if isinstance(outcome, str):
                    failed.append(n)
                    error = outcome
                else:
                    positions[n] = outcome
            if not failed:
                return
            telemetry.APPEND_RETRIES.labels(messages[failed[0]].topic).inc(len(failed))
            if self._loop.time() > deadline:
                raise AppendFailed(f"{messages[failed[0]].topic}: {error}")
            left = failed
            await asyncio.sleep(random.uniform(0.05, 0.2))

    def _send(
        self, message: Message, headers: dict[str, bytes]
    ) -> "asyncio.Future[RecordPosition | str]":
        future: asyncio.Future[RecordPosition | str] = self._loop.create_future()

        def delivered(
            error: confluent_kafka.KafkaError | None, sent: confluent_kafka.Message
        ) -> None:
            partition, offset = sent.partition(), sent.offset()
            if error is None and partition is not None and offset is not None:
                self._reports.append(_Report(future, RecordPosition(partition, offset)))
            else:
                self._reports.append(_Report(future, str(error)))

        own = message.headers if message.headers is not None else headers
        try:
            self._client.produce(
                message.topic,
                key=message.key,
                value=message.value,
                headers=list(own.items()),
                on_delivery=delivered,
            )
        except (BufferError, confluent_kafka.KafkaException) as error:
            future.set_result(str(error))
        return future

    def _serve(self) -> None:
        """The only thread that runs delivery callbacks; hands them over in batches."""
        while not self._closing.is_set():
            self._client.poll(0.1)
            self._hand_over()
        self._client.flush(self._deadline_s)
        self._hand_over()

    def _hand_over(self) -> None:
        if not self._reports:
            return
        reports, self._reports = self._reports, []
        # The loop may be gone already; then nobody waits for the reports either.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_resolve, reports)


def _resolve(reports: Sequence[_Report]) -> None:
    for report in reports:
        if not report.future.done():
            report.future.set_result(report.outcome)


def _waves(messages: Sequence[Message]) -> list[list[int]]:
    """Indices of `messages` in waves: a key's n-th message is in the n-th wave."""
    seen: Counter[tuple[str, bytes]] = Counter()
    waves: list[list[int]] = []
    for n, message in enumerate(messages):
        depth = seen[message.topic, message.key]
        seen[message.topic, message.key] += 1
        if depth == len(waves):
            waves.append([])
        waves[depth].append(n)
    return waves


class Consumer:
    """Reads assigned partitions from given offsets. Keeps no positions and joins no group."""

    def __init__(self, client: confluent_kafka.Consumer) -> None:
        self._client = client
        # The client blocks; its own thread keeps it from starving the default executor.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bus-consumer")

    @classmethod
    def open(cls, bus_url: str, positions: Mapping[tuple[str, int], int]) -> Self:
        """Start reading at `positions`: (topic, partition) -> offset of the first record."""
        client = confluent_kafka.Consumer(engine_of(bus_url).consumer)
        client.assign([_place(place, offset) for place, offset in positions.items()])
        return cls(client)

    async def seek(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Drop what was fetched ahead and go on from `positions`, which replace all others."""
        places = [_place(place, offset) for place, offset in positions.items()]
        await asyncio.get_running_loop().run_in_executor(self._thread, self._client.assign, places)

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Up to `max_records`, as soon as there is one; empty after `timeout_s`.

        Records of one partition are in order. Connection errors are waited out, not raised:
        the client reconnects by itself. Raises BrokenBus where reading cannot go on.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._poll, max_records, timeout_s)

    async def close(self) -> None:
        """Stop reading."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._client.close)
        self._thread.shutdown(wait=False)

    def _poll(self, max_records: int, timeout_s: float) -> list[Record]:
        first = self._client.poll(timeout_s)
        if first is None:
            return []
        # What is fetched already comes along; waiting for more would only cost time.
        rest = self._client.consume(max_records - 1, 0) if max_records > 1 else []
        return [record for message in [first, *rest] if (record := _record(message)) is not None]


class BrokenBus(Exception):
    """Reading cannot go on from here: the topic is unknown, or the client has failed for good."""


def _place(place: tuple[str, int], offset: int) -> confluent_kafka.TopicPartition:
    return confluent_kafka.TopicPartition(place[0], place[1], offset)


def _record(message: confluent_kafka.Message) -> Record | None:
    error = message.error()
    if error is not None:
        if error.fatal() or error.code() in _UNREADABLE:
            raise BrokenBus(f"{message.topic()}: {error}")
        return None
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers={name: _bytes(value) for name, value in dict(message.headers() or []).items()},
        timestamp_ms=message.timestamp()[1],
    )


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


_UNREADABLE = (
    confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART,
    confluent_kafka.KafkaError._UNKNOWN_TOPIC,
    confluent_kafka.KafkaError._UNKNOWN_PARTITION,
)


async def create_topics(bus_url: str, topics: Iterable[Topic]) -> None:
    """Create the topics that do not exist. Raises KafkaException when the broker refuses."""
    engine = engine_of(bus_url)
    wanted = [NewTopic(topic.name, topic.partitions, engine.replication) for topic in topics]
    await asyncio.to_thread(_create, AdminClient(engine.admin), wanted)


def _create(admin: AdminClient, wanted: list[NewTopic]) -> None:
    existing = admin.list_topics(timeout=30).topics
    missing = [topic for topic in wanted if topic.topic not in existing]
    if not missing:
        return
    for created in admin.create_topics(missing, operation_timeout=30).values():
        try:
            created.result()
        except confluent_kafka.KafkaException as error:
            # Two processes may start together.
            if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise
