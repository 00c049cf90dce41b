"""The load generator, a process of its own: `python -m cli.bench.generator RESULT` with a job on
stdin; RESULT is the file that gets what came of it (a pipe once lost a piece of so long a line).

It makes all of its requests, says that it is ready, waits for a line, and then sends: as fast as
answers come (closed: each connection sends its next request when it has its answer), or at a given
rate (open: at times drawn beforehand, and latency counts from those).
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import Final

from cli.bench.exchange import Exchange
from cli.bench.packets import Signer, packets
from cli.bench.plan import Load
from gravity.kernel import utc_now

_ACCEPTED: Final = b'"accepted"'
_LAST_ANSWERS_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to send. `most`: requests to make; `rate`: requests a second, 0 for a closed loop."""

    port: int
    path: str
    load: Load
    signer: Signer
    connections: int
    seconds: float
    most: int
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it. Times are seconds since 1970: `due_at` of every request that was sent, in
    order (when it was sent, or in an open loop should have been); `latencies_ms` of those answered.

    `others`: answers other than success, by status, and swipes that were not accepted.
    """

    accepted: int
    others: dict[str, int]
    started_at: float
    ended_at: float
    cpu_s: float
    due_at: list[float]
    latencies_ms: list[float]


class Generator:
    """Sends the requests of a job over its connections."""

    def __init__(self, job: Job, made: list[bytes]) -> None:
        self._job = job
        self._made = made
        self._idle: deque[Exchange] = deque()
        self._due: deque[int] = deque()
        self._due_at: list[float] = []
        self._latencies_ms: list[float] = []
        self._accepted = 0
        self._others: Counter[str] = Counter()
        self._answers = 0
        self._all_answered = asyncio.Event()
        self._until = 0.0

    async def run(self) -> Sent:
        """Connect, send, and wait for the last answers."""
        loop = asyncio.get_running_loop()
        for _ in range(self._job.connections):
            _, each = await loop.create_connection(
                lambda: Exchange(self._answered, self._lost), "127.0.0.1", self._job.port
            )
            self._idle.append(each)
        connections = list(self._idle)
        _say("ready")
        await loop.run_in_executor(None, sys.stdin.readline)
        started_at, cpu = time.time(), time.process_time()
        self._until = started_at + self._job.seconds
        await (self._open() if self._job.rate else self._closed())
        spent, ended_at = time.process_time() - cpu, time.time()
        others = dict(self._others)
        for each in connections:
            each.close()
        return Sent(
            self._accepted, others, started_at, ended_at, spent, self._due_at, self._latencies_ms
        )

    async def _closed(self) -> None:
        for each in list(self._idle):
            self._next(each)
        await self._last_answers()

    async def _open(self) -> None:
        rng = random.Random(self._job.load.first)
        gaps = (rng.expovariate(self._job.rate) for _ in self._made)
        for number, after in enumerate(accumulate(gaps)):
            if after > self._job.seconds:
                break
            at = self._until - self._job.seconds + after
            wait = at - time.time()
            # What is due within a millisecond goes now: a timer for each would cost more than it.
            if wait > 0.001:
                await asyncio.sleep(wait)
            self._due_at.append(at)
            if self._idle:
                self._idle.popleft().send(number, self._made[number])
            else:
                self._due.append(number)
        await self._last_answers()

    async def _last_answers(self) -> None:
        while self._answers < len(self._due_at):
            self._all_answered.clear()
            await asyncio.wait_for(self._all_answered.wait(), _LAST_ANSWERS_S + self._job.seconds)

    def _next(self, connection: Exchange) -> None:
        now = time.time()
        number = len(self._due_at)
        if now < self._until and number < len(self._made):
            self._due_at.append(now)
            connection.send(number, self._made[number])

    def _answered(self, connection: Exchange, status: int, body: bytes) -> None:
        self._latencies_ms.append((time.time() - self._due_at[connection.number]) * 1000)
        self._answers += 1
        self._count(status, body)
        if not self._job.rate:
            self._next(connection)
        elif self._due:
            number = self._due.popleft()
            connection.send(number, self._made[number])
        else:
            self._idle.append(connection)
        if self._answers == len(self._due_at):
            self._all_answered.set()

    def _count(self, status: int, body: bytes) -> None:
        size = self._job.load.size
        # The ceilings answer without a body.
        accepted = size if status == 204 else body.count(_ACCEPTED) if status == 200 else 0
        self._accepted += accepted
        if accepted < size:
            self._others[f"{status}" if status != 200 else "not accepted"] += size - accepted

    def _lost(self) -> None:
        self._others["connections lost"] += 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _made(packets: Iterable[bytes], most: int) -> list[bytes]:
    return list(islice(packets, most))


def main() -> None:
    """Do the job that stands on stdin's first line; write what came of it into the file named."""
    import gc

    import uvloop

    given = json.loads(sys.stdin.readline())
    load, signer = Load(**given.pop("load")), Signer(**given.pop("signer"))
    job = Job(load=load, signer=signer, **given)
    made = _made(packets(load, job.path, signer, utc_now()), job.most)
    gc.freeze()
    gc.disable()

    async def run() -> Sent:
        return await Generator(job, made).run()

    Path(sys.argv[1]).write_text(json.dumps(asdict(uvloop.run(run()))), encoding="ascii")
    _say("done")


if __name__ == "__main__":
    main()
