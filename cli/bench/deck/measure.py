"""The benchmark of decks, phase by phase, on a stack that is up."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import numpy.typing as npt

from cli.bench.deck.client import DeckClient
from cli.bench.deck.floor import open_floor
from cli.bench.deck.load import percentiles
from cli.bench.deck.memory import memory, rss_mb
from cli.bench.deck.population import Served, serve
from cli.bench.deck.report import Report
from cli.bench.deck.traces import Traces
from cli.bench.deck.turns import Turns, in_turns
from cli.bench.deck.under_load import under_load
from cli.bench.textbook.client import TextbookCheck, check_dealt
from cli.bench.textbook.programs import PATIENCE_S, textbook
from cli.bench.world.news import tell_changes
from cli.bench.world.truth import world_of
from cli.check.decks import DeckCheck, check_decks, count_missed, deck_recall, wait_for_release
from cli.check.ranker import Ranker
from cli.check.scores import release_scores
from cli.client import TIMEOUT, open_client
from cli.own_stack import OwnStack
from features.release import Release
from gravity.issuer import issue
from gravity.kernel import open_kernel, utc_now
from gravity.stack.keys import jwt_private_file

DECK_SIZE: Final = 20
_CHECKED: Final = 300
# Of a million people the brute force takes some 0.2 s a viewer and question.
_INDEX_CHECKED: Final = 100
_WARM_S: Final = 1.0
_TTL: Final = timedelta(hours=2)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Truth:
    """What brute force says: of decks, how many people the index missed, and how many of the 20
    best of all the eligible are retrieved; and of the textbook's decks."""

    decks: DeckCheck
    missed: int
    recall: float
    textbook: TextbookCheck


@dataclass(frozen=True, slots=True)
class Measurement:
    """A stack with a population that is served from it."""

    stack: OwnStack
    served: Served
    traces: Traces
    seconds: float
    say: Say

    async def run(self) -> Report:
        """All phases. Raises GeneratorFailed, NotServing, Untraced, and httpx's of the checks."""
        self.say("waiting for the first ranked deck")
        async with open_client(self.stack.settings.api_url, self._token) as client:
            await wait_for_release(client, self.served.viewer_ids[0], self.served.patience_s)
        asking = self._asking()
        before = os.getloadavg()[0]
        turns = await self._in_turns(asking)
        alone = turns.alone
        after = os.getloadavg()[0]
        load = await under_load(asking, self.traces, alone, self.seconds, self.say)
        # Before the checks: they ask for lists that no deck needs.
        used = memory(self.stack.pids())
        truth = await self._check(turns)
        took = alone.took_ms
        p50, p95, p99 = percentiles(took)
        # Viewers are asked for in turn.
        place = alone.numbers % len(self.served.viewers)
        densest, widest = self.served.densest, self.served.widest
        return Report(
            people=len(self.served.population),
            viewers=len(self.served.viewers),
            decks=len(took),
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            densest_p50_ms=_median(took[densest[place]]),
            widest_p50_ms=_median(took[widest[place]]),
            fallbacks=alone.sent.fallbacks,
            decks_checked=truth.decks.decks_checked,
            violations=truth.decks.violations,
            index_checked=len(self._checked(_INDEX_CHECKED)),
            missed=truth.missed,
            deck_recall_at_20=round(truth.recall, 4),
            ranker_rss_mb=rss_mb(used, "ranker"),
            memory=used,
            source_s=self.served.source_s,
            population_s=self.served.population_s,
            fill_s=self.served.fill_s,
            promote_s=self.served.promote_s,
            load_average=(round(before, 2), round(after, 2)),
            **turns.comparison(p50, truth.textbook),
            **load,
        )

    async def _in_turns(self, asking: DeckClient) -> Turns:
        """One client: decks, their floor and the textbook's path."""
        viewers = self.served.viewer_ids
        self.say("starting the textbook's path")
        with (
            self.stack.beside(textbook(self.served.release), PATIENCE_S) as stack,
            # Last, as the API closes connections that are idle for long.
            open_floor(stack, self.served, self._token(viewers[0]), self.say) as floor,
        ):
            self.say("warming up")
            await asking.closed(1, _WARM_S)
            self.say("decks, one client; their floor and the textbook's path in turns")
            return await in_turns(stack, floor, asking, self.seconds)

    def _asking(self) -> DeckClient:
        return DeckClient(
            port=self.stack.port("api"),
            viewers=self.served.viewer_ids,
            size=DECK_SIZE,
            jwt_private_key=self._private_key(),
            pids=self.stack.pids(),
        )

    async def _check(self, turns: Turns) -> Truth:
        served, settings = self.served, self.stack.settings
        world = world_of(served.population, served.seen, served.viewers)
        viewers, fewer = self._checked(_CHECKED), self._checked(_INDEX_CHECKED)
        self.say(f"the decks of {len(viewers)} viewers against brute force")
        async with (
            open_client(settings.api_url, self._token) as client,
            httpx.AsyncClient(base_url=settings.ranker_url, timeout=TIMEOUT) as http,
        ):
            decks = await check_decks(world, client, viewers, DECK_SIZE, _no_bar)
            self.say(f"everybody whom {len(fewer)} viewers may see, asked of the index")
            ranker = Ranker(http, world.people, served.release, world.today)
            missed = await count_missed(world, ranker, fewer, _no_bar)
            self.say(f"the 20 best of everybody whom {len(fewer)} viewers may see")
            release = Release.open(settings.home / "releases" / served.release)
            scores = release_scores(release, world)
            recall = await deck_recall(world, ranker, scores, fewer, _no_bar)
            self.say("decks of the textbook's path")
            dealt = check_dealt(world, turns.dealt[:_INDEX_CHECKED], DECK_SIZE)
            return Truth(decks, missed, recall, dealt)

    def _checked(self, most: int) -> list[int]:
        return self.served.viewer_ids[:most]

    def _token(self, viewer: int) -> str:
        return issue(self._private_key(), viewer, utc_now(), _TTL)

    def _private_key(self) -> str:
        return jwt_private_file(self.stack.home.keys).read_text(encoding="ascii")


def _median(took_ms: npt.NDArray[np.float64]) -> float | None:
    """Of no decks: NaN would be no JSON, and 0 a lie."""
    return round(float(np.median(took_ms)), 2) if len(took_ms) else None


def _no_bar() -> None:
    """Progress is said in lines."""


async def measure(
    stack: OwnStack, traces: Traces, people: int, seconds: float, cache: Path, say: Say
) -> Report:
    """Fill a stack, which exports to `traces`, with people and measure it. Raises what
    `Measurement.run` and `serve` do."""
    async with open_kernel(stack.settings) as kernel:
        served = await serve(kernel, people, cache, say)
        say(f"{len(served.changed):,} people change")
        await tell_changes(kernel, served.population, served.changed)
    return await Measurement(stack, served, traces, seconds, say).run()
