"""One size of population: every engine asked for every share of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.retrieval.contenders import contenders
from cli.bench.retrieval.engines import Engine
from cli.bench.retrieval.milvus import in_milvus
from cli.bench.retrieval.questions import Asking, Question
from cli.bench.retrieval.recall import recalls
from cli.bench.retrieval.report import Row, with_used
from cli.bench.retrieval.world import open_world
from cli.bench.world.source import source_for

Floats = npt.NDArray[np.float64]
Say = Callable[[str], None]

VIEWERS: Final = 48
_TUNED_FOR: Final = 36
_ROUNDS: Final = 5
_ENOUGH_MS: Final = 10_000.0
_SEED: Final = 7


def measure(
    people: int, shares: Sequence[float], cache: Path, folder: Path, now: datetime, say: Say
) -> list[Row]:
    """Rows by share and engine. `folder` gets the release; raises what `source_for` does."""
    say(f"drawing {people:,} people")
    world = open_world(source_for(people, cache, now), people, folder, now)
    random = np.random.default_rng(_SEED)
    visible = random.permutation(np.flatnonzero(world.own["visible"]))
    say(f"{people:,} people: brute force for {VIEWERS} viewers, and for those to tune for")
    asking = Asking(world)
    asked = asking.questions(visible[:VIEWERS], shares)
    tuned_for = asking.questions(visible[VIEWERS : VIEWERS + _TUNED_FOR], shares)
    cells: dict[float, list[Row]] = {}
    say(f"{people:,} people: building indexes")
    with contenders(world, random) as all_of_them:
        for share in shares:
            say(f"{people:,} people, {100 * share:g}% of them eligible")
            engines = all_of_them.tuned(tuned_for[share])
            cells[share] = _cell(engines, asked[share], people, share)
    # Not before: its server has the other cores.
    with in_milvus(world.release, cache, say) as milvus:
        for share in shares if milvus else ():
            say(f"{people:,} people, {100 * share:g}% of them eligible, Milvus")
            cells[share] += _cell(milvus, asked[share], people, share)
    return [row for cell in cells.values() for row in with_used(cell)]


def _cell(
    engines: Mapping[str, Engine], questions: Sequence[Question], people: int, share: float
) -> list[Row]:
    # The first searches, which count for recall, warm up for those that are timed.
    found = {name: recalls(engine, questions) for name, engine in engines.items()}
    took = _timed(engines, questions)
    return [
        Row(
            engine=name,
            people=people,
            selectivity=share,
            p50_ms=round(float(np.median(took[name])), 3),
            p99_ms=round(float(np.percentile(took[name], 99)), 3),
            recall_at_100=round(found[name].mean, 4),
            worst_group_recall_at_100=round(found[name].worst_group, 4),
            used=False,
        )
        for name in engines
    ]


def _timed(engines: Mapping[str, Engine], questions: Sequence[Question]) -> dict[str, list[float]]:
    """Milliseconds of each search, five rounds over the questions, in which engines take turns; who
    has taken long enough already sits the rest out."""
    took: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(_ROUNDS):
        running = [name for name in engines if sum(took[name]) < _ENOUGH_MS]
        for question in questions:
            for name in running:
                started = time.perf_counter()
                engines[name].search(question.query)
                took[name].append(1e3 * (time.perf_counter() - started))
    return took
