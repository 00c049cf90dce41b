"""The people of the benchmark, and two releases of them: the same people, other factors."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.deck.activation import register
from cli.bench.world.online import write_people, write_seen
from cli.bench.world.population import Population, draw_population
from cli.bench.world.release import write_population
from cli.bench.world.seen import Seen, draw_seen
from cli.bench.world.source import Source, source_for
from features.mlflow_rest import MLflow
from gravity.kernel import Kernel

VIEWERS: Final = 1_000
SWIPERS: Final = 20
_SEED: Final = 59
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Ints = npt.NDArray[np.int64]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """A population in Redis, and its releases `first` and `second`, registered. `viewers` (v,) and
    `swipers` (s,) int64: rows of visible people, nobody in both."""

    population: Population
    source: Source
    seen: Seen
    viewers: Ints
    swipers: Ints
    first: str
    second: str

    def ids(self, rows: Ints) -> list[int]:
        """The persons of rows (m,)."""
        ids: list[int] = self.population.person_id[rows].tolist()
        return ids


async def settle(kernel: Kernel, mlflow: MLflow, people: int, cache: Path, say: Say) -> People:
    """Draw people, write them, register both releases. Raises what `source_for` does."""
    window_end = kernel.clock()
    say("learning from a simulated world, once, or taking what is kept of it")
    source = await asyncio.to_thread(source_for, people, cache, window_end)
    say(f"drawing {people:,} people and whom they have seen")
    random = np.random.default_rng(_SEED)
    today = (window_end - _EPOCH).days
    population = await asyncio.to_thread(draw_population, source, people, today, random)
    seen = await asyncio.to_thread(draw_seen, population, random)
    drafts = [kernel.settings.home / name for name in ("first", "second")]
    for draft in drafts:
        say(f"writing their {draft.name} release")
        # Each time other random steps from the source's factors.
        await asyncio.to_thread(
            write_population, draft, population, seen, source, window_end, random
        )

    def advance(done: int) -> None:
        say(f"{done:,} of {people:,} people in Redis")

    await write_people(kernel.redis, population, source, window_end, advance)
    drawn = random.permutation(np.flatnonzero(population.table["visible"]))[: VIEWERS + SWIPERS]
    await write_seen(kernel.redis, population, seen, drawn, window_end)
    first, second = [await register(mlflow, kernel, draft) for draft in drafts]
    return People(population, source, seen, drawn[SWIPERS:], drawn[:SWIPERS], first, second)
