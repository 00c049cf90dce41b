"""Files of the lake: on a local disk or in a bucket, each its old content or the new, whole."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from gravity.atomic_file import write_atomic


@dataclass(frozen=True, slots=True)
class Place:
    """A folder on a file system."""

    files: pafs.FileSystem
    folder: str

    def within(self, name: str) -> "Place":
        """A folder in it."""
        return Place(self.files, f"{self.folder}/{name}")


def place_of(root: str | Path) -> Place:
    """The lake's root: a folder, or a URL that pyarrow understands."""
    text = str(root)
    if "://" in text:
        files, folder = pafs.FileSystem.from_uri(text)
    else:
        files, folder = pafs.LocalFileSystem(), str(Path(text).absolute())
    return Place(files, folder.rstrip("/"))


def read_parquet(place: Place, path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """The columns (None: all) of a file that it has. (pyarrow.dataset would import pandas.)

    Raises FileNotFoundError.
    """
    with place.files.open_input_file(f"{place.folder}/{path}") as source:
        return pq.ParquetFile(source).read(columns=None if columns is None else list(columns))


def write_parquet(place: Place, path: str, rows: pa.Table) -> None:
    """Make a file hold `rows`; see `replace`."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", compression_level=1)
    replace(place, path, sink.getvalue().to_pybytes())


def replace(place: Place, path: str, content: bytes) -> None:
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


def paths_in(place: Place, suffix: str) -> list[str]:
    """Paths below the folder of the files that end so, ascending."""
    selector = pafs.FileSelector(place.folder, allow_not_found=True, recursive=True)
    return sorted(
        entry.path[len(place.folder) + 1 :]
        for entry in place.files.get_file_info(selector)
        if entry.is_file and entry.path.endswith(suffix)
    )


def delete(place: Place, path: str) -> None:
    """Delete a file that another process may have deleted already."""
    with suppress(FileNotFoundError):
        place.files.delete_file(f"{place.folder}/{path}")


def delete_leftovers(place: Place, before_s: float) -> None:
    """Delete what crashes left half-written in a local folder and nobody touched since a time."""
    if isinstance(place.files, pafs.LocalFileSystem):
        for path in Path(place.folder).rglob(".*.parquet.*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before_s:
                    path.unlink()
