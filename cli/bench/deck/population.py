"""The people of a benchmark of decks, drawn and written once the stack is up."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.deck.activation import activate
from cli.bench.world.online import write_people, write_seen, write_seen_since
from cli.bench.world.population import Population, draw_population, people_around
from cli.bench.world.release import write_population
from cli.bench.world.seen import Seen, draw_seen
from cli.bench.world.since import Parted, part_seen
from cli.bench.world.source import Source, source_for
from gravity.kernel import Kernel
from simulator.population import DISTANCE_LIMITS_KM

VIEWERS: Final = 2_000
_SEED: Final = 6
# Since the release: of each viewer at most so many swipes, and so many people who changed.
_RECENT: Final = 10
_CHANGED: Final = 1_000
_AROUND_KM: Final = 50.0
_RELEASE_S: Final = 60.0
_PEOPLE_PER_S: Final = 5_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Ints = npt.NDArray[np.int64]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A population that is served. `viewers` (v,) int64: rows of visible people in random order, so
    in proportion to where people live; `changed` (c,) int64: rows of visible people whom the
    release has as they were before; seconds are those that each step took."""

    population: Population
    seen: Seen
    viewers: Ints
    changed: Ints
    release: str
    source_s: float
    population_s: float
    fill_s: float
    promote_s: float

    @property
    def patience_s(self) -> float:
        """How long the ranker may take to serve it: it reads and verifies a release of a million in
        some ten seconds, on a busy machine in more."""
        return _RELEASE_S + len(self.population) / _PEOPLE_PER_S

    @property
    def viewer_ids(self) -> list[int]:
        """The persons of `viewers`."""
        ids: list[int] = self.population.person_id[self.viewers].tolist()
        return ids

    @property
    def densest(self) -> npt.NDArray[np.bool_]:
        """Mask (v,) of the tenth of the viewers with the most people around them."""
        around = people_around(self.population, self.viewers, _AROUND_KM)
        mask = np.zeros(len(around), bool)
        mask[np.argsort(-around, kind="stable")[: len(around) // 10]] = True
        return mask

    @property
    def widest(self) -> npt.NDArray[np.bool_]:
        """Mask (v,) of the viewers with the widest limit of distance."""
        limits = self.population.table["max_distance_km"][self.viewers]
        return np.asarray(limits == max(DISTANCE_LIMITS_KM), np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    population: Population
    seen: Seen
    parted: Parted
    viewers: Ints
    changed: Ints


async def serve(kernel: Kernel, people: int, cache: Path, say: Say) -> Served:
    """Draw, write and activate. Raises what `activate` and `source_for` do."""
    started, window_end = time.monotonic(), kernel.clock()
    say("learning from a simulated world, once, or taking what is kept of it")
    source = await asyncio.to_thread(source_for, people, cache, window_end)
    learned_at = time.monotonic()
    draft = kernel.settings.home / "draft"
    drawn = await asyncio.to_thread(_draw, people, source, draft, window_end, say)
    drawn_at = time.monotonic()
    population = drawn.population
    viewers, parted = drawn.viewers, drawn.parted

    def advance(done: int) -> None:
        rate = done / (time.monotonic() - drawn_at)
        say(f"{done:,} of {people:,} people in Redis, {rate:,.0f} a second")

    await write_people(kernel.redis, population, source, window_end, advance)
    await write_seen(kernel.redis, population, parted.before, viewers, window_end)
    await write_seen_since(kernel.redis, population, parted.since, viewers, window_end)
    filled_at = time.monotonic()
    release = await activate(kernel, draft, say)
    return Served(
        population=population,
        seen=drawn.seen,
        viewers=viewers,
        changed=drawn.changed,
        release=release,
        source_s=round(learned_at - started, 2),
        population_s=round(drawn_at - learned_at, 2),
        fill_s=round(filled_at - drawn_at, 2),
        promote_s=round(time.monotonic() - filled_at, 2),
    )


def _draw(people: int, source: Source, draft: Path, window_end: datetime, say: Say) -> _Drawn:
    say(f"drawing {people:,} people and whom they have seen")
    random = np.random.default_rng(_SEED)
    population = draw_population(source, people, (window_end - _EPOCH).days, random)
    seen = draw_seen(population, random)
    visible = np.flatnonzero(population.table["visible"])
    viewers = np.random.default_rng([_SEED, 1]).permutation(visible)[:VIEWERS]
    since = np.random.default_rng([_SEED, 2])
    changed = since.permutation(visible)[: min(_CHANGED, people // 20)]
    parted = part_seen(seen, viewers, _RECENT, since)
    say("writing their release")
    write_population(draft, population, parted.before, source, window_end, random, changed)
    return _Drawn(population, seen, parted, viewers, changed)
