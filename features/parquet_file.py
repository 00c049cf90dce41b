"""One Parquet file, written whole or not at all."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gravity.atomic_file import write_atomic


def write_parquet(path: Path, rows: pa.Table) -> None:
    """Write `rows` at `path` over whatever is there."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", compression_level=1)
    write_atomic(path, sink.getvalue().to_pybytes())
