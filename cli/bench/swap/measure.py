"""The benchmark of a swap, on a stack that is up: decks and swipes all the while, a promotion, a
rollback, and then whether all of it was right."""

import asyncio
import os
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from cli.bench.swap.generator import Job, Sent
from cli.bench.swap.judge import Judge, Judged
from cli.bench.swap.load import decks_meanwhile
from cli.bench.swap.logged import reading_impressions
from cli.bench.swap.population import People, settle
from cli.bench.swap.report import Report, Span, report_of
from cli.bench.swap.swipers import Swipers, forgotten
from cli.bench.swap.watch import Watched, watching
from cli.bench.world.truth import world_of
from cli.check.decks import wait_for_release
from cli.client import open_client
from cli.own_stack import OwnStack
from features.mlflow_rest import open_mlflow
from features.release import Release
from flows.promote import promote_release
from gravity.card_tokens import CardTokens
from gravity.issuer import issue
from gravity.kernel import Kernel, open_kernel, utc_now
from gravity.stack import wheels
from gravity.stack.keys import jwt_private_file

DECK_SIZE: Final = 20
_CONNECTIONS: Final = 16
_TTL: Final = timedelta(hours=2)
_RELEASE_S: Final = 60.0
_WARM_S: Final = 2.0
_BY: Final = "gravity bench swap"

Say = Callable[[str], None]


class CommandFailed(Exception):
    """A command of `gravity release` ended with an error; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Commands:
    """When each command began and ended, in seconds since 1970."""

    promote: Span
    rollback: Span


@dataclass(frozen=True, slots=True)
class Measurement:
    """A stack whose rankers serve the first release of these people."""

    stack: OwnStack
    kernel: Kernel
    people: People
    rate: float
    seconds: float
    say: Say

    async def run(self) -> Report:
        """Raises CommandFailed, GeneratorFailed, NotServing, NeverHappened, and httpx's errors."""
        people, loads = self.people, [os.getloadavg()[0]]
        async with open_client(self.stack.settings.api_url, self._token) as client:
            await wait_for_release(client, people.ids(people.viewers)[0], _RELEASE_S)
            swipers = Swipers(client, people.ids(people.swipers))
            self.say("swipes that neither release has learned from")
            await swipers.round()
            async with (
                watching(self.kernel.redis, self.stack.pids()) as watched,
                reading_impressions(self.stack.settings.bus_url) as logged,
                decks_meanwhile(self._job()) as load,
                swipers.meanwhile(),
            ):
                commands = await self._swap_and_back(swipers)
            await swipers.round()
            loads.append(os.getloadavg()[0])
            self.say("whether every swipe counts under both releases")
            lost = swipers.shown_again + await forgotten(self.kernel, people, swipers)
        self.say("whether each deck is one release's")
        ranked = [deck for deck in load.sent.dealt if deck.release is not None]
        judge = self._judge(swipers)
        judged = await asyncio.to_thread(judge.judge, ranked, logged)
        return self._report(load.sent, watched, commands, judged, swipers, lost, loads)

    async def _swap_and_back(self, swipers: Swipers) -> Commands:
        """The two commands, with decks and swipes before, between and behind them."""
        await asyncio.sleep(_WARM_S + self.seconds)
        promoted = await self._command("promote", self.people.second)
        await self._between(swipers)
        rolled_back = await self._command("rollback")
        await self._between(swipers)
        return Commands(promoted, rolled_back)

    async def _between(self, swipers: Swipers) -> None:
        """So long, and until everybody who swipes has had a deck of the release that serves."""
        swiped = swipers.rounds
        await asyncio.sleep(self.seconds)
        while swipers.rounds < swiped + 2:
            swipers.check()
            await asyncio.sleep(0.1)

    async def _command(self, *words: str) -> Span:
        self.say(f"gravity release {' '.join(words)}")
        settings = self.stack.running.settings()
        # What the environment of the caller says of another stack must not lead there.
        others = {k: v for k, v in os.environ.items() if not k.startswith("GRAVITY_")}
        started = time.time()
        process = await asyncio.create_subprocess_exec(
            *(wheels.script("gravity", "gravity-discovery"), "release", *words),
            env={**others, **settings, "GRAVITY_HOME": str(self.stack.home.path)},
            stdout=PIPE,
            stderr=STDOUT,
        )
        said, _ = await process.communicate()
        ended = time.time()
        if process.returncode != 0:
            raise CommandFailed(said.decode().strip())
        for line in said.decode().splitlines():
            self.say(f"  {line}")
        return Span(started, ended)

    def _judge(self, swipers: Swipers) -> Judge:
        people, settings = self.people, self.stack.settings
        world = world_of(people.population, people.seen, people.viewers)
        folder = settings.home / "releases"
        releases = {name: Release.open(folder / name) for name in (people.first, people.second)}
        tokens = CardTokens(settings.card_token_key.get_secret_value().encode())
        return Judge.of(world, releases, tokens, swipers.touched, utc_now())

    def _report(
        self,
        sent: Sent,
        watched: Watched,
        commands: Commands,
        judged: Judged,
        swipers: Swipers,
        lost: int,
        loads: list[float],
    ) -> Report:
        people = self.people
        return report_of(
            sent,
            commands.promote,
            commands.rollback,
            Span(*watched.swap(people.second, commands.promote.start)),
            Span(*watched.swap(people.first, commands.rollback.start)),
            begun=min(deck.due_at for deck in sent.dealt) + _WARM_S,
            releases=(people.first, people.second),
            people=len(people.population),
            rate=self.rate,
            mixed=judged.mixed,
            unlogged=judged.unlogged,
            swipes=swipers.count,
            swipes_forgotten=lost,
            rss=watched.rss,
            loads=(round(loads[0], 2), round(loads[1], 2)),
        )

    def _job(self) -> Job:
        return Job(
            port=self.stack.port("api"),
            viewers=self.people.ids(self.people.viewers),
            size=DECK_SIZE,
            jwt_private_key=self._private_key(),
            connections=_CONNECTIONS,
            rate=self.rate,
        )

    def _token(self, viewer: int) -> str:
        return issue(self._private_key(), viewer, utc_now(), _TTL)

    def _private_key(self) -> str:
        return jwt_private_file(self.stack.home.keys).read_text(encoding="ascii")


async def measure(
    stack: OwnStack, people: int, rate: float, seconds: float, cache: Path, say: Say
) -> Report:
    """Fill a stack with people, serve their first release and measure. Raises what
    `Measurement.run`, `settle` and `promote_release` do."""
    async with (
        open_kernel(stack.settings) as kernel,
        open_mlflow(stack.settings.mlflow_url) as mlflow,
    ):
        settled = await settle(kernel, mlflow, people, cache, say)
        await promote_release(mlflow, kernel, settled.first, _BY, say)
        return await Measurement(stack, kernel, settled, rate, seconds, say).run()
