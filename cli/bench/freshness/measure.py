"""The benchmark of freshness on a stack that is up: a load of swipes, and what happens beside."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from cli.bench import cpu
from cli.bench.deck.population import Served, serve
from cli.bench.driver import generate
from cli.bench.freshness.cast import Cast, Place, cast_of
from cli.bench.freshness.events import Happenings
from cli.bench.freshness.guard import Guard
from cli.bench.freshness.report import Delay, Report, delay_of
from cli.bench.freshness.watch import Watch
from cli.bench.generator import Job, Sent
from cli.bench.packets import Signer
from cli.bench.plan import Load
from cli.bench.world.online import profiles_of
from cli.bench.world.source import source_for
from cli.bench.world.truth import world_of
from cli.check.decks import wait_for_release
from cli.check.ranker import Ranker
from cli.client import TIMEOUT, open_client
from cli.own_stack import OwnStack
from gravity.issuer import issue
from gravity.kernel import Kernel, open_kernel, utc_now
from gravity.stack.keys import jwt_private_file
from profiles.store import import_profiles

SWIPES_PER_S: Final = 300.0
BATCH: Final = 10
PER_S: Final = 4.0
_CONNECTIONS: Final = 64
_RELEASE_S: Final = 60.0
_TTL: Final = timedelta(hours=2)
_BEFORE: Final = timedelta(days=2)
# Of those who send the load: each has room for half of them as candidates.
_SENDERS: Final = 2_000

Say = Callable[[str], None]
Happening = Callable[[int], Awaitable[float | None]]


@dataclass(frozen=True, slots=True)
class Beside:
    """What was sent beside, and the cores that each program kept busy."""

    sent: Sent
    cores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A stack with a population that is served from it."""

    stack: OwnStack
    kernel: Kernel
    served: Served
    cast: Cast
    seconds: float
    say: Say

    async def run(self) -> Report:
        """Everything at once. Raises GeneratorFailed, NeverHappened, NotServing, httpx's errors."""
        async with self._opened() as happenings:
            self.say("waiting for the first ranked deck")
            await wait_for_release(happenings.client, self.cast.viewers[0], _RELEASE_S)
            self.say(f"{SWIPES_PER_S:g} swipes a second, and what is to be timed")
            before = os.getloadavg()[0]
            sent, delays = await self._happen(happenings)
            guard = happenings.guard
            return Report(
                people=len(self.served.population),
                seconds=self.seconds,
                swipe=delays["swipe"],
                profile=delays["profile"],
                move=delays["move"],
                ban=delays["ban"],
                served_after_ack=guard.served,
                decks_checked=guard.checked,
                decks_sharp=guard.sharp,
                background_per_s=round(sent.sent.accepted / self.seconds, 1),
                background_refused=sum(sent.sent.others.values()),
                cpu_cores={name: round(used, 2) for name, used in sent.cores.items()},
                load_average=(round(before, 2), round(os.getloadavg()[0], 2)),
            )

    async def _happen(self, happenings: Happenings) -> tuple[Beside, dict[str, Delay]]:
        kinds = {
            "swipe": happenings.swipe,
            "profile": happenings.profile,
            "move": happenings.move,
            "ban": happenings.ban,
        }
        watching = (happenings.at_home.run(), happenings.away.run(), happenings.guard.run())
        async with _beside(*watching):
            sending = asyncio.create_task(self._load())
            timed = await asyncio.gather(*(self._timed(each) for each in kinds.values()))
            beside = await sending
        return beside, {kind: delay_of(each) for kind, each in zip(kinds, timed, strict=True)}

    async def _timed(self, happening: Happening) -> list[float]:
        """Start one after the other at even times, however long each takes."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            tasks = []
            for number in range(round(self.seconds * PER_S)):
                await asyncio.sleep(began + number / PER_S - loop.time())
                tasks.append(group.create_task(_run(happening(number))))
        return [took for task in tasks if (took := task.result()) is not None]

    async def _load(self) -> Beside:
        """Swipes of others in batches, at times drawn beforehand."""
        people = min(_SENDERS, self.cast.others)
        rate = SWIPES_PER_S / BATCH
        job = Job(
            self.stack.port("api"),
            "/v1/swipes",
            Load(1, people, BATCH),
            Signer(self._private_key(), self.stack.settings.card_token_key.get_secret_value()),
            _CONNECTIONS,
            self.seconds,
            most=round(rate * self.seconds * 1.2) + 50,
            rate=rate,
        )
        before: dict[str, float] = {}
        pids = self.stack.pids()
        said = await generate(
            "cli.bench.generator", json.dumps(asdict(job)), lambda: before.update(cpu.seconds(pids))
        )
        used = cpu.spent(before, cpu.seconds(pids))
        return Beside(
            Sent(**json.loads(said)), {name: each / self.seconds for name, each in used.items()}
        )

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Happenings]:
        settings, served, cast = self.stack.settings, self.served, self.cast
        world = world_of(served.population, served.seen, served.viewers)
        async with (
            open_client(settings.api_url, self._token) as client,
            httpx.AsyncClient(base_url=settings.ranker_url, timeout=TIMEOUT) as http,
        ):

            def watch(place: Place) -> Watch:
                return Watch(http, served.release, cast.today, cast.constraints(place))

            yield Happenings(
                self.kernel,
                client,
                Ranker(http, world.people, served.release, world.today),
                cast,
                Guard(client, cast.viewers),
                watch(cast.home),
                watch(cast.home.antipode),
            )

    def _token(self, viewer: int) -> str:
        return issue(self._private_key(), viewer, utc_now(), _TTL)

    def _private_key(self) -> str:
        return jwt_private_file(self.stack.home.keys).read_text(encoding="ascii")


async def _run(happening: Awaitable[float | None]) -> float | None:
    return await happening


@asynccontextmanager
async def _beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run these until the end; the first that fails ends everything, with its error."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in works]
            yield
            for task in tasks:
                task.cancel()
    except ExceptionGroup as errors:
        raise _first(errors) from None


def _first(error: Exception) -> Exception:
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


async def measure(stack: OwnStack, people: int, seconds: float, cache: Path, say: Say) -> Report:
    """Fill a stack with people and measure it. Raises what `Measurement.run` and `serve` do."""
    async with open_kernel(stack.settings) as kernel:
        served = await serve(kernel, people, cache, say)
        cast = cast_of(served, round(seconds * PER_S))
        await _know(kernel, served, cast, cache)
        return await Measurement(stack, kernel, served, cast, seconds, say).run()


async def _know(kernel: Kernel, served: Served, cast: Cast, cache: Path) -> None:
    """Put the movers into Postgres: whoever changes themselves has to be there."""
    now = kernel.clock()
    source = await asyncio.to_thread(source_for, len(served.population), cache, now)
    rows = np.flatnonzero(np.isin(served.population.person_id, cast.movers))
    await import_profiles(kernel.pool, profiles_of(served.population, source, rows, now - _BEFORE))
