"""`gravity simulate --live`: people of the demo's world at their phones, on the running stack."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING, Final

import asyncpg
import httpx
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from billing.entitlements import PersonUnknown
from cli.bench.running import Say, running
from cli.bringup import WORLD, token_for
from cli.connections import load_settings, stores_answer
from cli.entitled import entitled_by
from contracts import events_pb2 as events
from gravity.kernel import utc_now
from interactions.settling import NotSettled, Settling
from simulator.choices import Choices
from simulator.crowd import Crowd
from simulator.days import Day, live_days
from simulator.live import LiveApp, only
from simulator.phones import LiveFailed, Phones, PlatformAway
from simulator.region import from_the_middle
from simulator.world import find_world

if TYPE_CHECKING:
    from gravity.settings import Settings

_TIMEOUT: Final = httpx.Timeout(30.0)
_SETTLED_WITHIN_S: Final = 60.0
_EVERY: Final = 25
"""People of a step, between two words of progress."""

Ints = npt.NDArray[np.int64]


class NoWorld(Exception):
    """There is nobody to simulate on this stack."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A day in numbers: who came, cards looked at, likes received that were answered, either way;
    likes sent by both; matches."""

    day: int
    visits: int
    cards: int
    answers: int
    likes: int
    matches: int

    @classmethod
    def of(cls, day: Day) -> "Counts":
        """What happened on it."""
        cards = int(day.seen.sum())
        return cls(
            day=day.number + 1,
            visits=len(day.visits.person),
            cards=cards,
            answers=len(day.swiped.viewer) - cards,
            likes=int(day.swiped.liked.sum()),
            matches=len(day.matches),
        )


def simulate_live(days: int, people: int, seed: int, as_json: bool) -> None:
    """Let people of the imported world use the running stack for so many days, and print what they
    did; ends the command with a line if that does not go."""
    console = Console(stderr=as_json)
    settings = load_settings()
    failures = (NoWorld, LiveFailed, NotSettled)
    with running(console, *failures) as say, stores_answer(), asyncio.Runner() as runner:
        found = _played(runner, settings, days, people, seed, say)
    if as_json:
        typer.echo(json.dumps(_object(found, people, seed)))
    else:
        _print(console, found)


@dataclass(frozen=True, slots=True)
class _Platform:
    """What of the running stack is asked for by other ways than its API."""

    pool: asyncpg.Pool
    redis: Redis
    http: httpx.AsyncClient
    bus_url: str

    async def admit(self, people: Ints) -> None:
        """Let people (k,), by ids, see who likes them, once the API is ready."""
        try:
            (await self.http.get("/readyz")).raise_for_status()
        except httpx.HTTPError as error:
            why = f"{type(error).__name__} {error}"
            raise PlatformAway(
                f"the API at {self.http.base_url} is not ready ({why}): `gravity up` starts it"
            ) from None
        entitle = entitled_by(self.pool, self.redis)
        for person in people.tolist():
            try:
                await entitle(person)
            except PersonUnknown:
                raise NoWorld(
                    f"person {person} of the simulated world is not on this platform: "
                    "`make demo` imports it"
                ) from None

    async def settled(self) -> None:
        """Return when all swipes of before are in everybody's lists."""
        await Settling(self.pool, self.bus_url, utc_now, _SETTLED_WITHIN_S)()


@contextmanager
def _connected(settings: "Settings", runner: asyncio.Runner) -> Iterator[_Platform]:
    """Connections to the stack, in the runner's loop."""
    stack = AsyncExitStack()

    async def connect() -> _Platform:
        pool = asyncpg.create_pool(settings.postgres_url, min_size=1, max_size=2)
        return _Platform(
            await stack.enter_async_context(pool),
            await stack.enter_async_context(Redis.from_url(settings.redis_url)),
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=settings.api_url, timeout=_TIMEOUT)
            ),
            settings.bus_url,
        )

    try:
        yield runner.run(connect())
    finally:
        runner.run(stack.aclose())


def _played(
    runner: asyncio.Runner, settings: "Settings", days: int, people: int, seed: int, say: Say
) -> list[Counts]:
    """The days, played by those who live nearest to the middle of the world."""
    folder = settings.home / WORLD
    world = find_world(folder)
    if world is None:
        raise NoWorld(f"{folder} holds no simulated world: `make demo` makes one and imports it")
    market = world.truth()
    rows = _central(pq.read_table(world.profiles), people)
    crowd = only(Crowd.draw(len(market.person), days, seed), rows)
    played: list[Counts] = []

    def told(step: str, done: int, of: int) -> None:
        if done == of or done % _EVERY == 0:
            say(f"day {len(played) + 1} of {days}: {step}, {done} of {of} people")

    with _connected(settings, runner) as platform:
        say(f"{len(rows)} people get their phones out")
        runner.run(platform.admit(market.person[rows]))
        phones = Phones(platform.http, token_for)
        app = LiveApp(phones, market.person, runner.run, platform.settled, told)
        for day in live_days(app, Choices(market, crowd), days):
            played.append(counts := Counts.of(day))
            say(f"day {counts.day} of {days}: {counts.likes} likes, {counts.matches} matches")
        runner.run(platform.settled())
    return played


def _central(profiles: pa.Table, people: int) -> Ints:
    """Rows of so many visible people who live nearest to the middle. Raises NoWorld."""
    nearest = from_the_middle(profiles)
    shown = profiles["visibility"].to_numpy()[nearest] == events.VISIBILITY_VISIBLE
    if people > shown.sum():
        raise NoWorld(f"only {int(shown.sum()):,} visible people live in this world: give fewer")
    return np.asarray(nearest[shown][:people], np.int64)


def _object(found: list[Counts], people: int, seed: int) -> dict[str, object]:
    names = ("visits", "cards", "answers", "likes", "matches")
    total = {name: sum(int(getattr(day, name)) for day in found) for name in names}
    return {"people": people, "seed": seed, "days": [asdict(day) for day in found], "total": total}


def _print(console: Console, found: list[Counts]) -> None:
    table = Table()
    for name in ("day", "visits", "cards looked at", "likes answered", "likes", "matches"):
        table.add_column(name, justify="right")
    for day in found:
        table.add_row(*(f"{count:,}" for count in astuple(day)))
    console.print(table)
    visits = max(1, sum(day.visits for day in found))
    matches = sum(day.matches for day in found)
    console.print(f"{matches:,} matches, {matches / visits:.2f} a visit")
