"""What a population is drawn from: a simulated world that was learned from once, and kept.

To fit a million people would take an hour; their factors, rates and lines would have the same
distribution as those of some thousands.
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import simulator
from features.release import Release
from simulator import avatars
from simulator.history import as_in_lake
from simulator.looks import NOBODY
from simulator.portraits import drawings_of
from simulator.world import build_world
from training.assembly import assemble, code_hash
from training.build import (
    TrainingSettings,
    evaluate,
    fit_from_arrays,
    with_prices,
    with_ranker,
)
from training.datasets import datasets_of
from training.snapshot import PhotoVectors

MOST: Final = 20_000
_LEAST: Final = 600
_SEED: Final = 6
_HOW: Final = TrainingSettings()
_RELEASE: Final = "release"
_PROFILES: Final = "profiles.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A learned world of m people: `release`, and `profiles` (schema PROFILES) in its order."""

    release: Release
    profiles: pa.Table

    def __len__(self) -> int:
        return self.profiles.num_rows


def source_for(people: int, cache: Path, now: datetime) -> Source:
    """The source of a population of `people`: as many people, within 600 and 20,000.

    It is learned (about a minute for 20,000) unless `cache` has one of these sources. Raises what
    `training` and `Release.open` do.
    """
    size = min(MOST, max(_LEAST, people))
    folder = cache / f"{size}-{_code()[:16]}"
    if not folder.is_dir():
        _make(folder, size, now)
    release = Release.open(folder / _RELEASE)
    profiles = pq.read_table(folder / _PROFILES)
    # The world numbers its people from 1 in the order of the rows.
    return Source(release, profiles.take(release.arrays.person_id - 1))


def _make(folder: Path, size: int, now: datetime) -> None:
    """Whole or absent: another benchmark may do the same at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _learn(draft, size, datetime.combine(now.astimezone(UTC).date(), time(), UTC))
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _learn(draft: Path, size: int, until: datetime) -> None:
    world = build_world(draft / "world", size, until, _SEED)
    profiles = pq.read_table(world.profiles)
    swipes = as_in_lake(pq.read_table(world.swipes))
    datasets = datasets_of(profiles, swipes, until, until, _as_if_embedded(profiles))
    fitted = with_ranker(datasets, fit_from_arrays(datasets, _HOW, _SEED), _SEED)
    fitted = with_prices(datasets, fitted, _SEED)
    assemble(datasets, fitted, evaluate(datasets, fitted, _SEED), {}, draft / _RELEASE)
    world.profiles.rename(draft / _PROFILES)
    shutil.rmtree(world.folder)


def _as_if_embedded(profiles: pa.Table) -> PhotoVectors:
    """What drawings are made of, in the place of what a network would say of them: to draw and to
    learn from thousands would take minutes, and a deck costs the same."""
    drawing = drawings_of(profiles["photos"])
    shown = np.flatnonzero(drawing != NOBODY)
    codes = avatars.codes().astype(np.int64)
    values = np.eye(int(codes.max()) + 1, dtype=np.float32)[codes[drawing[shown]]]
    person = profiles["person"].to_numpy()[shown]
    return PhotoVectors("drawn", b"none", person, values.reshape(len(shown), -1))


def _code() -> str:
    """sha256 of what a source depends on."""
    digest = hashlib.sha256(code_hash().encode())
    here = (*Path(simulator.__path__[0]).glob("*.py"), Path(__file__))
    for file in sorted(here):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
