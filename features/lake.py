"""The event lake: Parquet in day partitions, visible through manifests.

A *part* is what one act of writing adds: `<topic>-<partition>-<from>-<to>` for a batch of the
stream, `import-<hash>-<chunk>` for a chunk of an import. Its files are written first, its manifest
last and atomically, so a reader sees the whole part or nothing of it, and writing a part again (a
redelivered batch, a resumed import) replaces it. Batches of a stream may come again with other
bounds, so rows of streamed parts are deduplicated by the key of their table when read.

People who were erased are on a list of the lake's own (`features.lake_erased`): no rows about them
are written any more, and `features.lake_eraser` rewrites the files that hold some.

The root is a folder or a URL that pyarrow understands, such as
`s3://bucket/lake?region=eu-west-1` or `…?endpoint_override=http://127.0.0.1:9000`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs

from features.lake_erased import erased_files, erased_people
from features.lake_erasure import without_people
from features.lake_files import Place, place_of, read_parquet, replace, write_parquet
from features.lake_tables import ABSENT, DECKS, IMPRESSIONS, PROFILES, SWIPES, TABLES, LakeTable
from features.standing_swipes import NEEDED, standing

__all__ = [
    "DECKS",
    "IMPRESSIONS",
    "PROFILES",
    "SWIPES",
    "append_rows",
    "part_of_import",
    "part_of_stream",
    "read_columns",
    "read_profiles",
    "read_rows",
    "read_swipe_events",
    "read_swipes",
]

_DAY_MS: Final = 86_400_000
_IMPORT: Final = "import-"
Positions = Mapping[tuple[str, int], int]
"""Next offsets of a consumer by (topic, partition)."""


def part_of_stream(topic: str, partition: int, first: int, last: int) -> str:
    """The name of the part that holds the records `first..last` (inclusive) of a partition."""
    return f"{topic}-{partition}-{first:012d}-{last:012d}"


def part_of_import(file_hash: str, chunk: int) -> str:
    """The name of the part that holds one chunk of an imported file."""
    return f"{_IMPORT}{file_hash}-{chunk:06d}"


def append_rows(root: str | Path, table_name: str, rows: pa.Table, part: str) -> None:
    """Add `rows` (the table's schema) to the lake as `part`, or replace what `part` held.

    What is about people who were erased is left out. Raises KeyError for an unknown table and
    pyarrow.ArrowInvalid where the schema does not fit.
    """
    table, lake = TABLES[table_name], place_of(root)
    place = lake.within(table_name)
    rows = rows.select(table.schema.names).cast(table.schema)
    days = list(_by_day(rows, table.time)) if table.by_day else [(None, rows)]
    paths = [
        f"day={day.isoformat()}/{part}.parquet" if day else f"{part}.parquet" for day, _ in days
    ]
    known = None
    # Until the list is the same after the files were written as before. Whoever comes on it later
    # is erased from these files too: the eraser looks for files after it has written the list.
    while known != (listed := erased_files(lake)):
        erased = erased_people(lake)
        for path, (_, of_day) in zip(paths, days, strict=True):
            write_parquet(place, path, without_people(table_name, of_day, erased))
        known = listed
    files = [
        {"path": path, "day": day and day.isoformat()}
        for path, (day, _) in zip(paths, days, strict=True)
    ]
    manifest = json.dumps({"part": part, "files": files}).encode()
    replace(place, f"_manifest/{part}.json", manifest)


def read_rows(
    root: str | Path,
    table_name: str,
    since: datetime | None = None,
    until: datetime | None = None,
    columns: Sequence[str] | None = None,
    below: Positions | None = None,
    parts: str = "",
) -> pa.Table:
    """All rows of a table with `since <= time < until`, each once, in no particular order.

    `below`: of streamed parts only those that end before these positions of the consumer, which
    are whole parts: just what was written when it stood there. `parts`: only of parts whose name
    begins so. Of `swipes` rows are events: `read_swipes` tells what stands.
    """
    table = TABLES[table_name]
    place, window = place_of(root).within(table_name), _Window(since, until)
    imported, streamed = _files_within(place, window, below, parts)
    wanted = list(columns) if columns is not None else list(table.schema.names)
    once = _scan(place, table, imported, wanted, window)
    needed = list(dict.fromkeys([*wanted, *table.key]))
    again = _scan(place, table, streamed, needed, window)
    return pa.concat_tables([once, _first_of_each(again, table.key).select(wanted)])


def read_swipe_events(
    root: str | Path,
    since: datetime | None = None,
    until: datetime | None = None,
    columns: Sequence[str] | None = None,
    below: Positions | None = None,
) -> pa.Table:
    """Swipes and what took some of them back (schema SWIPES), each once.

    `since <= swiped_at < until`, so that both are within or neither. `below`: see `read_rows`.
    """
    rows = read_rows(root, "swipes", since, until, columns, below)
    # The list after the files: where one of a pair of rows names NOBODY already, both do.
    return without_people("swipes", rows, erased_people(place_of(root)))


def read_swipes(
    root: str | Path,
    since: datetime | None = None,
    until: datetime | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Swipes that stand (schema SWIPES) with `since <= swiped_at < until`, each once.

    One of the two is `NOBODY` where they were erased and the swipe is not taken back yet.
    """
    wanted = list(columns) if columns is not None else list(SWIPES.names)
    needed = list(dict.fromkeys([*wanted, *NEEDED]))
    return standing(read_swipe_events(root, since, until, needed)).select(wanted)


def read_profiles(
    root: str | Path, until: datetime | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """The latest version of each person (schema PROFILES) among those before `until`."""
    wanted = list(columns) if columns is not None else list(PROFILES.names)
    needed = list(dict.fromkeys([*wanted, "person", "version"]))
    rows = read_rows(root, "profiles", until=until, columns=needed)
    person = rows.column("person").to_numpy()
    order = np.lexsort((rows.column("version").to_numpy(), person))
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = person[order][1:] != person[order][:-1]
    return rows.take(order[is_last]).select(wanted)


def _by_day(rows: pa.Table, time: str) -> Iterator[tuple[date, pa.Table]]:
    at = rows.column(time).cast(pa.int64()).to_numpy() // _DAY_MS
    order = np.argsort(at, kind="stable")
    days, starts, counts = np.unique(at[order], return_index=True, return_counts=True)
    ends = starts + counts
    for day, start, end in zip(days.tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield date(1970, 1, 1) + timedelta(days=day), rows.take(order[start:end])


@dataclass(frozen=True, slots=True)
class _Window:
    """`since <= time < until`, either open."""

    since: datetime | None
    until: datetime | None

    def may_hold(self, day: str | None) -> bool:
        """Whether rows of a day (None: of any) can be in the window."""
        if day is None:
            return True
        first = self.since.astimezone(UTC).date().isoformat() if self.since else ""
        last = self.until.astimezone(UTC).date().isoformat() if self.until else day
        return first <= day <= last

    def of(self, rows: pa.Table, time: str) -> pa.Table:
        """The rows within."""
        if self.since is None and self.until is None:
            return rows
        at = rows.column(time).cast(pa.int64()).to_numpy()
        inside = np.ones(len(at), dtype=bool)
        if self.since is not None:
            inside &= at >= _milliseconds(self.since)
        if self.until is not None:
            inside &= at < _milliseconds(self.until)
        return rows if inside.all() else rows.filter(pa.array(inside))


def _milliseconds(at: datetime) -> int:
    """Since 1970, rounded up, so that comparing with it is comparing with `at`."""
    return -((datetime(1970, 1, 1, tzinfo=UTC) - at) // timedelta(milliseconds=1))


def _is_below(part: str, below: Positions | None) -> bool:
    """Whether the records of a streamed part were all passed at the positions."""
    if below is None:
        return True
    topic, partition, _, last = part.rsplit("-", 3)
    return int(last) < below.get((topic, int(partition)), 0)


def _files_within(
    place: Place, window: _Window, below: Positions | None, parts: str
) -> tuple[list[str], list[str]]:
    """Paths of the imported and of the streamed files that may hold rows of the window."""
    selector = pafs.FileSelector(f"{place.folder}/_manifest", allow_not_found=True)
    imported: list[str] = []
    streamed: list[str] = []
    for entry in sorted(place.files.get_file_info(selector), key=lambda entry: entry.path):
        if not entry.path.endswith(".json") or not entry.base_name.startswith(parts):
            continue
        with place.files.open_input_stream(entry.path) as source:
            manifest = json.loads(source.read())
        paths = [file["path"] for file in manifest["files"] if window.may_hold(file["day"])]
        if manifest["part"].startswith(_IMPORT):
            imported.extend(paths)
        elif _is_below(manifest["part"], below):
            streamed.extend(paths)
    return imported, streamed


def _scan(
    place: Place, table: LakeTable, paths: list[str], columns: list[str], window: _Window
) -> pa.Table:
    """The columns of the files' rows within the window."""
    needed = list(dict.fromkeys([*columns, table.time]))
    read = [table.schema.empty_table().select(columns)]
    for path in paths:
        rows = read_columns(place, table, path, needed)
        read.append(window.of(rows, table.time).select(columns))
    return pa.concat_tables(read)


def read_columns(place: Place, table: LakeTable, path: str, columns: Sequence[str]) -> pa.Table:
    """Columns of a file of a table, also of one that is older than some of them."""
    rows = read_parquet(place, path, columns)
    for name in columns:
        if name not in rows.schema.names:
            field = table.schema.field(name)
            rows = rows.append_column(field, pa.array([ABSENT[name]] * rows.num_rows, field.type))
    return rows.select(columns)


def _first_of_each(rows: pa.Table, key: tuple[str, ...]) -> pa.Table:
    if rows.num_rows == 0:
        return rows
    place = pa.array(np.arange(rows.num_rows, dtype=np.int64))
    grouped = rows.select(key).append_column("_row", place).group_by(list(key))
    first = grouped.aggregate([("_row", "min")]).column("_row_min").to_numpy()
    return rows.take(np.sort(first))
