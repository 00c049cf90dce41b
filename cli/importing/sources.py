"""Files of rows, read in chunks: the same file gives the same chunks, which resuming rests on."""

import csv
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal, cast

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

_BLOCK_BYTES: Final = 16 << 20
_CSV: Final = (".csv", ".csv.gz")


class UnreadableFile(Exception):
    """The file cannot be read as what its name says, or lacks a column."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a file; `first_row` is the place of the first, from 0, without the header."""

    number: int
    first_row: int
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class TornLine:
    """A line of a CSV file that has other columns than the header."""

    text: str
    columns: int
    expected: int


def content_hash(path: Path) -> str:
    """The first 16 hexadecimal digits of the file's SHA-256. Raises UnreadableFile."""
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()[:16]
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from None


def count_rows(path: Path) -> int | None:
    """Rows in the file where it is cheap to know, for the progress bar."""
    if path.suffix != ".parquet":
        return None
    try:
        return pq.read_metadata(path).num_rows
    except (pa.ArrowInvalid, OSError):
        return None  # Reading says what is wrong with it.


def read_chunks(
    path: Path, rows_each: int, required: tuple[str, ...], torn: list[TornLine]
) -> Iterator[Chunk]:
    """The file's rows, `rows_each` at a time. CSV columns come as text.

    Lines that do not split into the header's columns go to `torn` and are no rows. Raises
    UnreadableFile.
    """
    number = first_row = 0
    try:
        for batches in _grouped(_batches(path, torn), rows_each):
            rows = pa.Table.from_batches(batches)
            missing = [name for name in required if name not in rows.column_names]
            if missing:
                raise UnreadableFile(f"{path}: no column {', '.join(missing)}")
            yield Chunk(number, first_row, rows)
            number, first_row = number + 1, first_row + rows.num_rows
    except (pa.ArrowInvalid, UnicodeDecodeError, OSError) as error:
        raise UnreadableFile(f"{path}: {error}") from None


def _batches(path: Path, torn: list[TornLine]) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".parquet":
        yield from pq.ParquetFile(path).iter_batches(batch_size=1 << 16)
    elif path.name.endswith(_CSV):
        yield from _csv_batches(path, torn)
    else:
        raise UnreadableFile(f"{path}: neither .parquet nor .csv nor .csv.gz")


def _csv_batches(path: Path, torn: list[TornLine]) -> Iterator[pa.RecordBatch]:
    with _opened(path) as source:
        header = source.readline().decode("utf-8-sig")
    names = next(csv.reader([header]), [])
    convert = pcsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )

    def skip(line: pcsv.InvalidRow) -> Literal["skip"]:
        torn.append(TornLine(line.text, line.actual_columns, line.expected_columns))
        return "skip"

    read = pcsv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False)
    parse = pcsv.ParseOptions(invalid_row_handler=skip)
    with _opened(path) as source:
        yield from pcsv.open_csv(
            source, read_options=read, parse_options=parse, convert_options=convert
        )


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


def _grouped(batches: Iterator[pa.RecordBatch], rows_each: int) -> Iterator[list[pa.RecordBatch]]:
    """Batches cut and joined to `rows_each` rows; the last group may have fewer."""
    group: list[pa.RecordBatch] = []
    room = rows_each
    for batch in batches:
        rest = batch
        while rest.num_rows >= room:
            group.append(rest.slice(0, room))
            yield group
            rest = rest.slice(room)
            group, room = [], rows_each
        if rest.num_rows:
            group.append(rest)
            room -= rest.num_rows
    if group:
        yield group
