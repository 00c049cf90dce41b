"""A population as a release folder, as a flow would have written it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.world.population import Population
from cli.bench.world.seen import Seen
from cli.bench.world.since import lagging
from cli.bench.world.source import Source
from features.release import Manifest, ReleaseArrays, TrainingWindow, write_release
from features.score import Sides, candidate_vectors

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_JITTER: Final = 0.05
_NOBODY: Final = np.empty(0, np.int64)
_CHUNK: Final = 100_000
_WINDOW: Final = timedelta(days=90)


def write_population(
    path: Path,
    population: Population,
    seen: Seen,
    source: Source,
    window_end: datetime,
    random: np.random.Generator,
    changed: Ints = _NOBODY,
) -> Manifest:
    """Write the release at `path`; whatever is swiped from `window_end` on is not in it, and the
    people of rows `changed` (m,) are in it as they were before (`since.lagging`).

    Priors, calibration and tau are those of the source's release. Raises `ReleaseExists`.
    """
    manifest = source.release.manifest.model_copy(
        update={
            "people": len(population),
            "training_window": TrainingWindow(start=window_end - _WINDOW, end=window_end),
            "snapshot_at": window_end,
            "bus_positions": {},
            "data_hash": f"{source.release.manifest.data_hash} drawn {len(population)} times",
            "files": {},
        }
    )
    table = lagging(population, changed)
    return write_release(path, manifest, _arrays(population, table, seen, source, random))


def _arrays(
    population: Population,
    table: npt.NDArray[np.void],
    seen: Seen,
    source: Source,
    random: np.random.Generator,
) -> ReleaseArrays:
    of, row = source.release.arrays, population.source
    taste, appeal = _jittered(of.taste, row, random), _jittered(of.appeal, row, random)
    passed_indptr, passed_rows = seen.passes(population.person_id)
    return ReleaseArrays(
        person_id=population.person_id,
        columns=table,
        cell=population.cell,
        taste=taste,
        taste_prior=of.taste_prior[row],
        appeal=appeal,
        given_rate=of.given_rate[row],
        received_rate=of.received_rate[row],
        counts=of.counts[row],
        line=of.line[row],
        candidate_vectors=_vectors(taste, appeal, population, source),
        price_knots=of.price_knots[row],
        price_nats=of.price_nats[row],
        seen_indptr=seen.indptr,
        seen_ids=seen.ids,
        passed_indptr=passed_indptr,
        passed_rows=passed_rows,
        cold_start=np.asarray(of.cold_start),
        towers=np.asarray(of.towers),
        ranker=np.asarray(of.ranker),
        photo_axes=np.asarray(of.photo_axes),
        photo_mean=np.asarray(of.photo_mean),
        photo_network=np.asarray(of.photo_network),
    )


def _jittered(factors: Floats, rows: Ints, random: np.random.Generator) -> Floats:
    """The factors (n, d) of rows (n,), so moved that no two people are the same."""
    step = (_JITTER * factors.std(axis=0)).astype(np.float32)
    moved = factors[rows]
    for start in range(0, len(rows), _CHUNK):
        part = moved[start : start + _CHUNK]
        part += step * random.standard_normal(part.shape, np.float32)
    return moved


def _vectors(taste: Floats, appeal: Floats, population: Population, source: Source) -> Floats:
    """Rows of the index (n, 2d + 3)."""
    of, calibration = source.release.arrays, source.release.manifest.calibration
    vectors = np.empty((len(taste), 2 * taste.shape[1] + 3), np.float32)
    for start in range(0, len(taste), _CHUNK):
        part = slice(start, start + _CHUNK)
        row = population.source[part]
        sides = Sides.of(
            taste[part],
            appeal[part],
            of.given_rate[row],
            of.received_rate[row],
            of.line[row],
            population.table["gender"][part],
            calibration,
        )
        vectors[part] = candidate_vectors(sides, source.release.prices_of(row).uppermost())
    return vectors
