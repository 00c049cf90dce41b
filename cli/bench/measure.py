"""The benchmark of swipes, phase by phase, on a stack that is up."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import asyncpg
import numpy as np

from cli.bench import raw, truth
from cli.bench.ceilings import APPEND, INSERT
from cli.bench.driver import Window, drive
from cli.bench.generator import Job, Sent
from cli.bench.packets import Signer
from cli.bench.plan import Load, matching, requests
from cli.bench.report import Percentiles, Rates, Report, report_of
from cli.bench.witness import Witness, witness
from cli.own_stack import OwnStack
from cli.wait import until
from gravity.postgres import open_pool
from gravity.stack.keys import jwt_private_file

SWIPES: Final = "/v1/swipes"
BATCH: Final = 10
# Connections of a closed loop, by swipes a request.
_CONNECTIONS: Final = {BATCH: 192, 1: 768}
# Requests made beforehand for each second, by swipes a request: more than anything here answers.
_MOST_PER_S: Final = {BATCH: 1200, 1: 3000}
_WARM_S: Final = 1.0
# Of a load whose latencies are measured: rounds, and people (each meets half of them at most).
_ROUNDS: Final = 6
_FEWEST: Final = 50


class Inconsistent(Exception):
    """What was accepted is not what the stores and the events say."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """At half of saturation, in ms: to the answer, and to match.created as the witness saw it."""

    ack: Percentiles
    match: Percentiles
    matches: int


@dataclass
class Measurement:
    """Each phase has people of its own: `people` of them, in a row."""

    stack: OwnStack
    pool: asyncpg.Pool
    seconds: float
    people: int
    say: Callable[[str], None]
    _loads: int = 0

    async def run(self) -> Report:
        """All phases. Raises Inconsistent, GeneratorFailed, NeverHappened."""
        # From the first match on: behind by thousands it would see the next ones late.
        async with witness(self.pool, self.stack.settings.bus_url) as seen:
            self.say("warming up")
            for path in (APPEND, INSERT, SWIPES):
                await self._saturate(path, BATCH, _WARM_S)
            batches, singles = await self._rates(BATCH), await self._rates(1)
            batch_latencies = await self._latencies(seen, BATCH, batches.swipes.per_s / 2)
            single_latencies = await self._latencies(seen, 1, singles.swipes.per_s / 2)
        self.say("without HTTP")
        bus = self.stack.settings.bus_url
        raw_producer = await raw.append_rate(bus, self.seconds / 2)
        raw_postgres = await raw.insert_rate(self.pool, self.seconds / 2)
        self.say("partitions")
        partitions = await raw.partition_costs(bus, self.stack.pids())
        return report_of(
            batches,
            singles,
            raw=(raw_producer, raw_postgres),
            ack=(batch_latencies.ack, single_latencies.ack),
            match=(batch_latencies.match, single_latencies.match),
            matches_timed=batch_latencies.matches + single_latencies.matches,
            partitions=partitions,
        )

    async def _rates(self, size: int) -> Rates:
        """The two ceilings and the swipes themselves, one after the other."""
        name = "batches of ten" if size == BATCH else "one a request"
        self.say(f"{name}: the endpoint that only appends")
        append = await self._saturate(APPEND, size, self.seconds)
        self.say(f"{name}: the endpoint that only inserts")
        insert = await self._saturate(INSERT, size, self.seconds)
        self.say(f"{name}: swipes, to the durable match")
        swipes = await self._saturate(SWIPES, size, self.seconds)
        began = time.monotonic()
        await truth.consumed(self.pool)
        return Rates(append, insert, swipes, behind_s=time.monotonic() - began)

    async def _saturate(self, path: str, size: int, seconds: float) -> Window:
        return await self._drive(self._job(path, size, seconds))

    def _job(self, path: str, size: int, seconds: float) -> Job:
        load = Load(1 + self._loads * self.people, self.people, size)
        self._loads += 1
        return Job(
            self.stack.port("api"),
            path,
            load,
            _signer(self.stack),
            _CONNECTIONS[size],
            seconds,
            most=round(seconds * _MOST_PER_S[size]),
        )

    async def _drive(self, job: Job) -> Window:
        async def drained(sent: Sent) -> None:
            if job.path == SWIPES:
                await truth.durable(self.pool, job.load, sent)

        window = await drive(job, self.stack.pids(), drained)
        if job.path == SWIPES:
            await self._compare(job, window.sent)
        return window

    async def _compare(self, job: Job, sent: Sent) -> None:
        """Accepted, stored and matched are the same, where nothing was refused. Raises."""
        if sent.others:
            raise Inconsistent(f"not all swipes were accepted: {sent.others}")
        stored = await truth.rows(self.pool, job.load)
        matches = await truth.matches(self.pool, job.load)
        expected = len(_matching(job, sent))
        if (stored, matches) != (sent.accepted, expected):
            raise Inconsistent(
                f"{sent.accepted} swipes accepted, {stored} stored; "
                f"{expected} matches expected, {matches} stored"
            )

    async def _latencies(self, seen: Witness, size: int, per_s: float) -> Latencies:
        """An open loop at `per_s` swipes a second."""
        await truth.consumed(self.pool)
        name = "batches of ten" if size == BATCH else "one a request"
        self.say(f"{name}: latencies at {per_s:,.0f} swipes a second")
        rate = per_s / size
        job = self._job(SWIPES, size, self.seconds)
        # So few that some rounds are sent: there are no matches in the first.
        few = max(_FEWEST, min(self.people, round(rate * self.seconds / _ROUNDS)))
        job = replace(
            job,
            load=replace(job.load, people=few),
            rate=rate,
            # By chance some more than expected.
            most=round(rate * self.seconds * 1.2) + 50,
        )
        window = await self._drive(job)
        sent = window.sent
        pairs = _matching(job, sent)

        async def all_seen() -> bool:
            return pairs.keys() <= seen.seen_at.keys()

        await until(all_seen, "the last match.created", 60.0)
        took = [(seen.seen_at[pair] - sent.due_at[n]) * 1000 for pair, n in pairs.items()]
        return Latencies(_percentiles(sent.latencies_ms), _percentiles(took), len(pairs))


def _matching(job: Job, sent: Sent) -> dict[tuple[int, int], int]:
    return matching(islice(requests(job.load), len(sent.due_at)))


def _percentiles(values: Sequence[float]) -> Percentiles:
    """Of no values: NaN would be no JSON, and 0 a lie."""
    if not values:
        return Percentiles(p50=None, p99=None)
    p50, p99 = np.percentile(np.array(values), (50, 99)).round(1).tolist()
    return Percentiles(p50=p50, p99=p99)


def _signer(stack: OwnStack) -> Signer:
    private = jwt_private_file(stack.home.keys).read_text(encoding="ascii")
    return Signer(private, stack.settings.card_token_key.get_secret_value())


async def measure(
    stack: OwnStack, seconds: float, people: int, say: Callable[[str], None]
) -> Report:
    """Measure a stack. Raises what `Measurement.run` does."""
    async with await open_pool(stack.settings.postgres_url, max_size=4) as pool:
        return await Measurement(stack, pool, seconds, people, say).run()
