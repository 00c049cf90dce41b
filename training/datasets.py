"""What there is to learn from: swipes of the lake as arrays, split by whole days."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.fold_in import LIKE, SUPERLIKE, Histories
from features.lake import read_profiles, read_swipes
from training.snapshot import People, PhotoVectors, snapshot

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

DAY_MS: Final = 86_400_000
WINDOW_DAYS: Final = 90
EVALUATE_DAYS: Final = 3
CALIBRATE_DAYS: Final = 4
_COLUMNS: Final = ("swiper", "swiped", "action", "swiped_at", "propensity")


class NothingToLearn(Exception):
    """The window has no like, or no pass, between people of the lake."""


class TooFewDays(Exception):
    """The window's swipes fall on fewer than three days: nothing can be held out by time."""


@dataclass(frozen=True, slots=True, eq=False)
class Swipes:
    """m swipes in order of time; the last one of each ordered pair.

    viewer, candidate (m,) rows of People; action (m,) uint8; at_ms (m,) since 1970;
    propensity (m,) float32, NaN where the policy had none.
    """

    viewer: Ints
    candidate: Ints
    action: npt.NDArray[np.uint8]
    at_ms: Ints
    propensity: Floats

    def __len__(self) -> int:
        return len(self.viewer)

    @property
    def liked(self) -> npt.NDArray[np.bool_]:
        """(m,) likes and superlikes."""
        return np.asarray((self.action == LIKE) | (self.action == SUPERLIKE))

    @property
    def superliked(self) -> npt.NDArray[np.bool_]:
        """(m,) superlikes."""
        return np.asarray(self.action == SUPERLIKE)

    @property
    def day(self) -> Ints:
        """(m,) UTC days since 1970."""
        return self.at_ms // DAY_MS

    def between(self, first_day: int, end_day: int) -> "Swipes":
        """Those of first_day <= day < end_day, as views."""
        start, stop = np.searchsorted(self.day, (first_day, end_day))
        return self.take(slice(int(start), int(stop)))

    def take(self, rows: slice | Ints | npt.NDArray[np.bool_]) -> "Swipes":
        """The given rows, in that order."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _FIELDS})

    def histories(self, people: int) -> Histories:
        """What each of `people` made, oldest first."""
        order = np.argsort(self.viewer, kind="stable")
        counts = np.bincount(self.viewer, minlength=people)
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return Histories(indptr, self.candidate[order], self.action[order])


_FIELDS: Final = tuple(Swipes.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Split:
    """Whole UTC days since 1970: train < calibrate <= ... < evaluate <= ... < end."""

    start: int
    calibrate: int
    evaluate: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Datasets:
    """Everything a release is made from; `today` is a day number.

    `seen` holds every swipe before `window_end`, `swipes` those of them since `window_start`:
    what is old teaches little, but nobody is shown again. `withdrawn` (n,): whom safety's decisions
    keep from everybody's decks.
    """

    people: People
    seen: Swipes
    swipes: Swipes
    split: Split
    window_start: datetime
    window_end: datetime
    snapshot_at: datetime
    today: int
    data_hash: str
    withdrawn: npt.NDArray[np.bool_]


def prepare(
    lake_root: str | Path,
    now: datetime,
    window_end: datetime,
    photos: PhotoVectors | None = None,
    withdrawn: Collection[int] = (),
) -> Datasets:
    """Read the lake: the latest profiles, and the swipes before `window_end`.

    `now` is the day that ages are counted from. The lake must be complete up to `window_end`: what
    it lacks of that time is in no release and, for serving, not recent either. `withdrawn`: ids;
    decisions are not in the lake.
    Raises `NoProfiles`, `NothingToLearn`, `TooFewDays`.
    """
    swipes = read_swipes(lake_root, until=window_end, columns=_COLUMNS)
    return datasets_of(read_profiles(lake_root), swipes, now, window_end, photos, withdrawn)


def datasets_of(
    profiles: pa.Table,
    swipes: pa.Table,
    now: datetime,
    window_end: datetime,
    photos: PhotoVectors | None = None,
    withdrawn: Collection[int] = (),
) -> Datasets:
    """Datasets of Arrow tables in the lake's schemas; see `prepare`."""
    today = (now.astimezone(UTC).date() - date(1970, 1, 1)).days
    people = snapshot(profiles, today, photos)
    seen = swipes_of(swipes, people)
    window_start = window_end - timedelta(days=WINDOW_DAYS)
    learned = seen.take(seen.at_ms >= int(window_start.timestamp() * 1000))
    liked = learned.liked
    if not liked.any() or liked.all():
        raise NothingToLearn
    barred = np.isin(people.table["person_id"], np.fromiter(withdrawn, np.int64, len(withdrawn)))
    return Datasets(
        people=people,
        seen=seen,
        swipes=learned,
        split=split_days(learned.day),
        window_start=window_start,
        window_end=window_end,
        snapshot_at=now,
        today=today,
        data_hash=_hash(people, seen, barred),
        withdrawn=barred,
    )


def swipes_of(rows: pa.Table, people: People) -> Swipes:
    """Arrays of lake rows: people of the snapshot only, never oneself, last of each pair."""
    at = rows.column("swiped_at").cast(pa.int64()).to_numpy()
    order = np.argsort(at, kind="stable")
    viewer = people.rows_of(rows.column("swiper").to_numpy())[order]
    candidate = people.rows_of(rows.column("swiped").to_numpy())[order]
    pair = viewer * len(people) + candidate
    # The first of the reversed pairs is the last swipe of the pair.
    _, last = np.unique(pair[::-1], return_index=True)
    is_last = np.zeros(len(pair), bool)
    is_last[len(pair) - 1 - last] = True
    kept = is_last & (viewer >= 0) & (candidate >= 0) & (viewer != candidate)
    propensity = rows.column("propensity").to_numpy(zero_copy_only=False).astype(np.float32)
    everything = Swipes(
        viewer,
        candidate,
        rows.column("action").to_numpy().astype(np.uint8)[order],
        at[order],
        propensity[order],
    )
    return everything.take(kept)


def split_days(day: Ints) -> Split:
    """Hold out the last days, at most a third of them; raises `TooFewDays`."""
    days = np.unique(day)
    if len(days) < 3:
        raise TooFewDays
    evaluate = min(EVALUATE_DAYS, max(1, len(days) // 6))
    calibrate = min(CALIBRATE_DAYS, max(1, len(days) // 6))
    return Split(
        start=int(days[0]),
        calibrate=int(days[-evaluate - calibrate]),
        evaluate=int(days[-evaluate]),
        end=int(days[-1]) + 1,
    )


def _hash(people: People, swipes: Swipes, withdrawn: npt.NDArray[np.bool_]) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(people.table).tobytes())
    digest.update(people.exposure.tobytes() + withdrawn.tobytes())
    if people.photos is not None:
        digest.update(people.photos.space.encode() + people.photos.vector.tobytes())
    for name in _FIELDS:
        digest.update(np.ascontiguousarray(getattr(swipes, name)).tobytes())
    return digest.hexdigest()
