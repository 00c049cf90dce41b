"""Sends requests that were made beforehand, and takes the time of each answer.

As fast as answers come (closed: each connection sends its next request when it has its answer), or
at a given rate (open: at times drawn beforehand, and latency counts from those).
"""

import asyncio
import random
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Final

from cli.bench.exchange import Exchange

_LAST_ANSWERS_S: Final = 20.0

Answered = Callable[[int, int, bytes], None]
"""Told the number of a request, the status and the body of its answer."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How to send. `rate`: requests a second, 0 for a closed loop; `seed` of the times drawn."""

    port: int
    connections: int
    seconds: float
    rate: float
    seed: int


@dataclass(slots=True)
class Times:
    """Seconds since 1970: `due_at` of every request that was sent, in order (when it was sent, or
    in an open loop should have been). Of those answered, in the order of the answers:
    `latencies_ms`. `cpu_s`: what sending took."""

    started_at: float = 0.0
    ended_at: float = 0.0
    cpu_s: float = 0.0
    due_at: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)


class Unanswered(Exception):
    """Requests have waited for too long for their answers."""


class Sender:
    """Sends `made` over its connections. `lost` is called for each that the server closes."""

    def __init__(
        self, pace: Pace, made: Sequence[bytes], answered: Answered, lost: Callable[[], None]
    ) -> None:
        self._pace = pace
        self._made = made
        self._tell = answered
        self._lost = lost
        self._idle: deque[Exchange] = deque()
        self._due: deque[int] = deque()
        self._times = Times()
        self._answers = 0
        self._all_answered = asyncio.Event()
        self._until = 0.0
        self._is_done = False

    async def run(self) -> Times:
        """Connect, say so, wait for a line, send, and wait for the last answers."""
        loop, times = asyncio.get_running_loop(), self._times
        for _ in range(self._pace.connections):
            _, each = await loop.create_connection(
                lambda: Exchange(self._answered, self._closed_by), "127.0.0.1", self._pace.port
            )
            self._idle.append(each)
        connections = list(self._idle)
        _say("ready")
        await loop.run_in_executor(None, sys.stdin.readline)
        times.started_at, cpu = time.time(), time.process_time()
        self._until = times.started_at + self._pace.seconds
        await (self._open() if self._pace.rate else self._closed())
        times.cpu_s, times.ended_at = time.process_time() - cpu, time.time()
        self._is_done = True
        for each in connections:
            each.close()
        return times

    def _closed_by(self) -> None:
        if not self._is_done:
            self._lost()

    async def _closed(self) -> None:
        for each in list(self._idle):
            self._next(each)
        await self._last_answers()

    async def _open(self) -> None:
        rng = random.Random(self._pace.seed)
        gaps = (rng.expovariate(self._pace.rate) for _ in self._made)
        for number, after in enumerate(accumulate(gaps)):
            if after > self._pace.seconds:
                break
            at = self._until - self._pace.seconds + after
            wait = at - time.time()
            # What is due within a millisecond goes now: a timer for each would cost more than it.
            if wait > 0.001:
                await asyncio.sleep(wait)
            # What goes a moment early has not waited for that.
            self._times.due_at.append(min(at, time.time()))
            if self._idle:
                self._idle.popleft().send(number, self._made[number])
            else:
                self._due.append(number)
        await self._last_answers()

    async def _last_answers(self) -> None:
        within, sent = _LAST_ANSWERS_S + self._pace.seconds, self._times.due_at
        while self._answers < len(sent):
            self._all_answered.clear()
            try:
                async with asyncio.timeout(within):
                    await self._all_answered.wait()
            except TimeoutError:
                missing = len(sent) - self._answers
                raise Unanswered(f"{missing} of {len(sent)} after {within:.0f} s") from None

    def _next(self, connection: Exchange) -> None:
        now = time.time()
        number = len(self._times.due_at)
        if now < self._until and number < len(self._made):
            self._times.due_at.append(now)
            connection.send(number, self._made[number])

    def _answered(self, connection: Exchange, status: int, body: bytes) -> None:
        due_at = self._times.due_at
        self._times.latencies_ms.append((time.time() - due_at[connection.number]) * 1000)
        self._answers += 1
        self._tell(connection.number, status, body)
        if not self._pace.rate:
            self._next(connection)
        elif self._due:
            number = self._due.popleft()
            connection.send(number, self._made[number])
        else:
            self._idle.append(connection)
        if self._answers == len(due_at):
            self._all_answered.set()


def end(result: str) -> None:
    """Hand the result over, in the file that the command line names, and say so.

    A pipe once lost a piece of so long a line.
    """
    Path(sys.argv[1]).write_text(result, encoding="ascii")
    _say("done")


def _say(line: str) -> None:
    """Tell whoever started this process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
