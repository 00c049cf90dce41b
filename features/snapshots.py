"""The histories of the views `behaviour` and `profile`, for point-in-time joins.

Behaviour: what each person had done, and had had done to them, by each midnight. A snapshot has a
row for each person whose counts changed in the day before; as of any moment the latest row at or
before it is the person's state at the last midnight. Derived from the swipes and rewritten as a
whole, so late imports are in it. Profiles: every change, as the lake has it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.fold_in import PASS
from features.lake import read_rows, read_swipes
from features.lake_erasure import NOBODY
from features.parquet_file import write_parquet
from features.views import BEHAVIOUR, JOIN_KEY, PROFILE

DAY_MS: Final = 86_400_000
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """People (m,) whose counts changed in the day before `midnight_ms`, and the counts then.

    `columns` are those of the `behaviour` view, (m,) int64 each; a last swipe of −1 is never.
    """

    midnight_ms: int
    person_id: Int64s
    columns: tuple[Int64s, ...]


def snapshots(swipes: pa.Table) -> Iterator[Snapshot]:
    """Snapshots in order of time of a table with swiper, swiped, action, swiped_at."""
    swiper, swiped = (swipes[name].to_numpy() for name in ("swiper", "swiped"))
    at = swipes["swiped_at"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy()
    liked = swipes["action"].to_numpy() != PASS
    ids, rows = np.unique(np.concatenate((swiper, swiped)), return_inverse=True)
    giver, receiver = rows[: len(swiper)], rows[len(swiper) :]
    order = np.argsort(at, kind="stable")
    days = at[order] // DAY_MS
    counts = np.zeros((4, len(ids)), np.int64)
    last = np.full(len(ids), -1, np.int64)
    for of_day in np.split(order, np.flatnonzero(np.diff(days)) + 1) if len(order) else []:
        likes = of_day[liked[of_day]]
        parts = (giver[likes], giver[of_day], receiver[likes], receiver[of_day])
        added = np.stack([np.bincount(part, minlength=len(ids)) for part in parts])
        counts += added
        # In order of time: the last assignment to a person stays.
        last[giver[of_day]] = at[of_day] // 1000
        changed = np.flatnonzero((added[1] + added[3] > 0) & (ids != NOBODY))
        midnight = int(at[of_day[0]] // DAY_MS + 1) * DAY_MS
        yield Snapshot(midnight, ids[changed], (*counts[:, changed], last[changed]))


def write_snapshots(lake: str, folder: Path, until: datetime) -> int:
    """Write the snapshots of every midnight up to `until` from the lake's swipes; returns rows.

    One file a day, `day=YYYY-MM-DD.parquet`, each replaced atomically; those of days of which
    nothing stands any more are deleted.
    """
    columns = ("swiper", "swiped", "action", "swiped_at")
    day = until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    written = 0
    old = set(folder.glob("day=*.parquet"))
    for snapshot in snapshots(read_swipes(lake, until=day, columns=columns)):
        midnight = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=snapshot.midnight_ms)
        path = folder / f"day={midnight.date().isoformat()}.parquet"
        write_parquet(path, _table(snapshot))
        written += len(snapshot.person_id)
        old.discard(path)
    for path in old:
        path.unlink()
    return written


def write_profile_changes(lake: str, folder: Path, until: datetime) -> int:
    """Write every version of every profile before `until` from the lake; returns rows.

    One file, replaced atomically.
    """
    names = [feature.name for feature in PROFILE.features]
    changes = read_rows(lake, "profiles", until=until, columns=["person", "changed_at", *names])
    whole = {name: pa.int64() for name in ("gender", "birth_day")}
    columns = {name: changes[name].cast(whole.get(name, changes[name].type)) for name in names}
    keys = {JOIN_KEY: changes["person"], "event_timestamp": changes["changed_at"]}
    rows = pa.Table.from_pydict({**keys, **columns})
    write_parquet(folder / "changes.parquet", rows)
    return changes.num_rows


def _table(snapshot: Snapshot) -> pa.Table:
    *counts, last = snapshot.columns
    seconds = pa.array(last * 1000, pa.int64(), mask=last < 0).cast(pa.timestamp("ms", "UTC"))
    time = pa.array(np.full(len(last), snapshot.midnight_ms)).cast(pa.timestamp("ms", "UTC"))
    names = [feature.name for feature in BEHAVIOUR.features]
    columns = [pa.array(snapshot.person_id), *map(pa.array, counts), seconds, time]
    return pa.table(dict(zip((JOIN_KEY, *names, "event_timestamp"), columns, strict=True)))
