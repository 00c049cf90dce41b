"""Appending to the bus: acknowledged by the broker, or an error.

The client library calls back from its own threads; one thread waits for it, the rest is asyncio.
"""

import asyncio
import contextlib
import logging
import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Self

import confluent_kafka

from gravity import telemetry
from gravity.bus_engines import engine_of
from gravity.bus_flights import Flights, Outcome, Wave
from gravity.bus_records import AppendFailed, Message, RecordPosition


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
        rest: float,
    ) -> None:
        self._client = client
        self._loop = loop
        self._deadline_s = deadline_s
        self._flights = Flights(loop, rest, self._send)
        # Delivered since the last hand-over: wave, number in it, outcome.
        self._reports: list[tuple[Wave, int, Outcome]] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="bus-producer", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, bus_url: str, deadline_s: float = 10.0) -> Self:
        """To be called inside a running event loop; nothing is sent before the first append."""
        engine = engine_of(bus_url)
        config = engine.producer
        # The library gives a record up soon after we do: one produced again shortly before the
        # deadline may still be appended behind our back, which AppendFailed allows for.
        timeout_ms = min(int(config["message.timeout.ms"]), int(deadline_s * 1000))
        client = confluent_kafka.Producer(
            {**config, "message.timeout.ms": timeout_ms}, logger=logging.getLogger("gravity.bus")
        )
        return cls(client, asyncio.get_running_loop(), deadline_s, engine.producer_rest)

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
        headers: Mapping[str, bytes],
        positions: dict[int, RecordPosition],
    ) -> None:
        deadline = self._loop.time() + self._deadline_s
        left = list(wave)
        while True:
            outcomes = await self._outcomes([messages[n] for n in left], headers, deadline)
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
            if self._loop.time() >= deadline:
                raise AppendFailed(f"{messages[failed[0]].topic}: {error}")
            left = failed
            await asyncio.sleep(random.uniform(0.05, 0.2))

    async def _outcomes(
        self, messages: Sequence[Message], headers: Mapping[str, bytes], deadline: float
    ) -> Sequence[Outcome]:
        """What became of each by the deadline; a report that is not there then is an error."""
        wave = Wave(messages, headers, self._loop.create_future())
        self._flights.join(wave)
        timer = self._loop.call_at(deadline, wave.end)
        try:
            return await wave.done
        finally:
            timer.cancel()
            # Cancelled or not: nobody waits for it any more.
            wave.end()

    def _send(self, wave: Wave) -> None:
        produce, delivered = self._client.produce, self._delivered
        for n, message in enumerate(wave.messages):
            headers = wave.headers if message.headers is None else message.headers
            try:
                produce(
                    message.topic,
                    key=message.key,
                    value=message.value,
                    headers=list(headers.items()),
                    on_delivery=partial(delivered, wave, n),
                )
            except (BufferError, confluent_kafka.KafkaException) as error:
                self._loop.call_soon(wave.report, n, str(error))

    def _delivered(
        self,
        wave: Wave,
        n: int,
        error: confluent_kafka.KafkaError | None,
        sent: confluent_kafka.Message,
    ) -> None:
        """Called by the library in our thread."""
        partition, offset = sent.partition(), sent.offset()
        if error is None and partition is not None and offset is not None:
            self._reports.append((wave, n, RecordPosition(partition, offset)))
        else:
            self._reports.append((wave, n, str(error)))

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


def _resolve(reports: Sequence[tuple[Wave, int, Outcome]]) -> None:
    for wave, n, outcome in reports:
        wave.report(n, outcome)


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
