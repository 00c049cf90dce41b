"""The event lake: Parquet in day partitions, visible through manifests.

A *part* is what one act of writing adds: `<topic>-<partition>-<from>-<to>` for a batch of the
stream, `import-<hash>-<chunk>` for a chunk of an import. Its files are written first, its manifest
last and atomically, so a reader sees the whole part or nothing of it, and writing a part again (a
redelivered batch, a resumed import) replaces it. Batches of a stream may come again with other
bounds, so rows of streamed parts are deduplicated by the key of their table when read.

The root is a folder or a URL that pyarrow understands, such as
`s3://bucket/lake?region=eu-west-1` or `…?endpoint_override=http://127.0.0.1:9000`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from features.lake_tables import DECKS, IMPRESSIONS, PROFILES, SWIPES, TABLES, LakeTable
from gravity.atomic_file import write_atomic

__all__ = [
    "DECKS",
    "IMPRESSIONS",
    "PROFILES",
    "SWIPES",
    "append_rows",
    "part_of_import",
    "part_of_stream",
    "read_profiles",
    "read_rows",
    "read_swipes",
]

_DAY_MS: Final = 86_400_000
_IMPORT: Final = "import-"


@dataclass(frozen=True, slots=True)
class _Place:
    """A table's folder on its file system."""

    files: pafs.FileSystem
    folder: str


def part_of_stream(topic: str, partition: int, first: int, last: int) -> str:
    """The name of the part that holds the records `first..last` (inclusive) of a partition."""
    return f"{topic}-{partition}-{first:012d}-{last:012d}"


def part_of_import(file_hash: str, chunk: int) -> str:
    """The name of the part that holds one chunk of an imported file."""
    return f"{_IMPORT}{file_hash}-{chunk:06d}"


def append_rows(root: str | Path, table_name: str, rows: pa.Table, part: str) -> None:
    """Add `rows` (the table's schema) to the lake as `part`, or replace what `part` held.

    Raises KeyError for an unknown table and pyarrow.ArrowInvalid where the schema does not fit.
    """
    table = TABLES[table_name]
    place = _place(root, table_name)
    rows = rows.select(table.schema.names).cast(table.schema)
    written = []
    for day, of_day in _by_day(rows, table.time) if table.by_day else [(None, rows)]:
        path = f"day={day.isoformat()}/{part}.parquet" if day else f"{part}.parquet"
        sink = pa.BufferOutputStream()
        pq.write_table(of_day, sink, compression="zstd", compression_level=1)
        _replace(place, path, sink.getvalue().to_pybytes())
        written.append({"path": path, "day": day and day.isoformat(), "rows": of_day.num_rows})
    manifest = json.dumps({"part": part, "files": written}).encode()
    _replace(place, f"_manifest/{part}.json", manifest)


def read_rows(
    root: str | Path,
    table_name: str,
    since: datetime | None = None,
    until: datetime | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """All rows of a table with `since <= time < until`, each once, in no particular order."""
    table = TABLES[table_name]
    place, window = _place(root, table_name), _Window(since, until)
    imported, streamed = _files_within(place, window)
    wanted = list(columns) if columns is not None else list(table.schema.names)
    once = _scan(place, table, imported, wanted, window)
    needed = list(dict.fromkeys([*wanted, *table.key]))
    again = _scan(place, table, streamed, needed, window)
    return pa.concat_tables([once, _first_of_each(again, table.key).select(wanted)])


def read_swipes(
    root: str | Path,
    since: datetime | None = None,
    until: datetime | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Swipes (schema SWIPES) with `since <= swiped_at < until`, each once."""
    return read_rows(root, "swipes", since, until, columns)


def read_profiles(root: str | Path, until: datetime | None = None) -> pa.Table:
    """The latest version of each person (schema PROFILES) among those before `until`."""
    rows = read_rows(root, "profiles", until=until)
    person = rows.column("person").to_numpy()
    order = np.lexsort((rows.column("version").to_numpy(), person))
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = person[order][1:] != person[order][:-1]
    return rows.take(order[is_last])


def _place(root: str | Path, table_name: str) -> _Place:
    text = str(root)
    if "://" in text:
        files, folder = pafs.FileSystem.from_uri(text)
    else:
        files, folder = pafs.LocalFileSystem(), str(Path(text).absolute())
    return _Place(files, f"{folder.rstrip('/')}/{table_name}")


def _replace(place: _Place, path: str, content: bytes) -> None:
    """Make the file hold `content`, or leave what it held.

    The whole at once: pyarrow completes an object when its stream is dropped after an error too, so
    one that was written piece by piece could replace a good file by a part of its successor.
    """
    file = f"{place.folder}/{path}"
    if isinstance(place.files, pafs.LocalFileSystem):
        # On disk when this returns: a stored position may follow, which claims it.
        write_atomic(Path(file), content)
        return
    place.files.create_dir(file.rpartition("/")[0], recursive=True)
    with place.files.open_output_stream(file) as sink:
        sink.write(content)


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


def _files_within(place: _Place, window: _Window) -> tuple[list[str], list[str]]:
    """Paths of the imported and of the streamed files that may hold rows of the window."""
    selector = pafs.FileSelector(f"{place.folder}/_manifest", allow_not_found=True)
    imported: list[str] = []
    streamed: list[str] = []
    for entry in sorted(place.files.get_file_info(selector), key=lambda entry: entry.path):
        if not entry.path.endswith(".json"):
            continue
        with place.files.open_input_stream(entry.path) as source:
            manifest = json.loads(source.read())
        paths = [
            f"{place.folder}/{file['path']}"
            for file in manifest["files"]
            if window.may_hold(file["day"])
        ]
        (imported if manifest["part"].startswith(_IMPORT) else streamed).extend(paths)
    return imported, streamed


def _scan(
    place: _Place, table: LakeTable, paths: list[str], columns: list[str], window: _Window
) -> pa.Table:
    """The columns of the files' rows within the window. (pyarrow.dataset would import pandas.)"""
    needed = list(dict.fromkeys([*columns, table.time]))
    read = [table.schema.empty_table().select(columns)]
    for path in paths:
        with place.files.open_input_file(path) as source:
            rows = pq.ParquetFile(source).read(columns=needed)
        read.append(window.of(rows, table.time).select(columns))
    return pa.concat_tables(read)


def _first_of_each(rows: pa.Table, key: tuple[str, ...]) -> pa.Table:
    if rows.num_rows == 0:
        return rows
    place = pa.array(np.arange(rows.num_rows, dtype=np.int64))
    grouped = rows.select(key).append_column("_row", place).group_by(list(key))
    first = grouped.aggregate([("_row", "min")]).column("_row_min").to_numpy()
    return rows.take(np.sort(first))
