"""From the lake to a draft of a release: what the tasks of `retrain` do before anyone is served."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from redis.asyncio import Redis

from contracts.topics import PERSON_ERASED, PROFILE_CHANGED, SAFETY_DECIDED
from features.release import Manifest
from features.wire import run
from flows.quick_feast import uninstrumented
from flows.retirement import hold_name
from gravity import positions
from gravity.bus_engines import engine_of
from gravity.kernel import Kernel
from gravity.settings import Settings
from training.build import (
    Evaluation,
    Fitted,
    TrainingSettings,
    assemble,
    calibration_pairs,
    pair_table,
    prepare,
)
from training.calibration import PairCounts
from training.datasets import Datasets, Swipes
from training.snapshot import PhotoVectors

LAKE_CONSUMER: Final = f"lake.{PROFILE_CHANGED.name}"
# Swipes take a moment from the phone through the matcher into the lake; what is younger waits for
# the next release, and is replayed from Redis when this one goes live.
SETTLED: Final = timedelta(seconds=60)
_OVERLAY: Final = (PROFILE_CHANGED, SAFETY_DECIDED, PERSON_ERASED)
Positions = dict[str, dict[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """What is learned from: the lake as arrays, the pairs that calibrate, and their counts as of
    their day. `bus_positions` is where the profiles of the snapshot end."""

    datasets: Datasets
    pairs: Swipes
    counts: PairCounts
    bus_positions: Positions


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A complete release folder that has no id yet."""

    path: Path
    manifest: Manifest
    evaluation: Evaluation


async def positions_held(kernel: Kernel) -> Positions:
    """Where a release's overlay has to start reading the bus; kept from trimming under `retrain`.

    To be called before the lake is read: what comes twice is harmless, what is missed is not.
    Decisions and erasures are not in the lake, so they are read from the beginning.
    """
    engine = engine_of(kernel.settings.bus_url)
    async with kernel.pool.acquire() as conn, conn.transaction():
        reached = await positions.load(conn, LAKE_CONSUMER, engine.places([PROFILE_CHANGED]))
        start = {place: reached.get(place, 0) for place in engine.places(_OVERLAY)}
        await positions.hold(conn, "retrain", start)
    found: Positions = {topic.name: {} for topic in _OVERLAY}
    for (topic_name, partition), offset in start.items():
        found[topic_name][partition] = offset
    return found


async def hold_for(
    kernel: Kernel, release_id: str, bus_positions: Mapping[str, Mapping[int, int]]
) -> None:
    """Give the hold of `positions_held` to a release, for as long as it is live."""
    offsets = {
        (topic, partition): offset
        for topic, of_topic in bus_positions.items()
        for partition, offset in of_topic.items()
    }
    async with kernel.pool.acquire() as conn, conn.transaction():
        await positions.hold(conn, hold_name(release_id), offsets)
        await positions.let_go(conn, "retrain")


def read_lake(
    settings: Settings,
    now: datetime,
    photos: PhotoVectors | None = None,
    withdrawn: Collection[int] = (),
) -> Datasets:
    """Profiles and swipes of the lake up to a minute ago, what is known of people's photos, and who
    of them is withdrawn."""
    window_end = (now - SETTLED).replace(microsecond=0)
    return prepare(settings.lake, now, window_end, photos, withdrawn)


async def withdrawn_people(redis: Redis) -> list[int]:
    """Ids of whom safety's decisions keep from decks, as of now."""
    return sorted(int(member) for member in await run(redis.smembers("withdrawn")))


def join(
    settings: Settings,
    datasets: Datasets,
    bus_positions: Positions,
    live: Sequence[str],
    how: TrainingSettings,
    seed: int,
) -> TrainingSet:
    """Join the calibration pairs with what was known of both sides at their time, through Feast.

    `live`: the releases whose factors Feast's registry is to know.
    """
    # Feast takes seconds to import: only here, and not by whoever imports this module.
    with uninstrumented():
        from features.offline import COUNTS, pair_counts
        from features.repo.definitions import source_path
        from features.repo.store import feature_store, history_folder
    from features.snapshots import write_profile_changes, write_snapshots
    from features.views import BEHAVIOUR, PROFILE

    pairs = calibration_pairs(datasets, how, seed)
    folder, until = history_folder(settings), datasets.window_end
    write_snapshots(settings.lake, source_path(folder, BEHAVIOUR), until)
    write_profile_changes(settings.lake, source_path(folder, PROFILE), until)
    joined = pair_counts(feature_store(settings, live), pair_table(datasets, pairs))
    counts = PairCounts(
        *(
            np.column_stack([joined[f"{side}_{name}"].to_numpy() for name in COUNTS])
            for side in ("viewer", "candidate")
        )
    )
    return TrainingSet(datasets, pairs, counts, bus_positions)


def draft(training_set: TrainingSet, fitted: Fitted, evaluation: Evaluation, path: Path) -> Draft:
    """Write the release folder at `path`. Raises ReleaseExists."""
    manifest = assemble(training_set.datasets, fitted, evaluation, training_set.bus_positions, path)
    return Draft(path, manifest, evaluation)
