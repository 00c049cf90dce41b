"""People who were erased disappear from the lake's files.

They come on the list first (from then on nothing about them is written), then every file that
names one of the list is rewritten, atomically and under its name. Files are looked for in the
folders and not in the manifests: what a crash left without one holds people too. Each pass looks
for everybody on the list, so that done again after a crash anywhere it finishes.
"""

from pathlib import Path
from typing import Final

import numpy.typing as npt

from features.lake import read_columns
from features.lake_erased import Int64s, add_erased
from features.lake_erasure import PERSON_COLUMNS, mentions, without_people
from features.lake_files import Place, delete_leftovers, paths_in, place_of, write_parquet
from features.lake_tables import TABLES, LakeTable

# What is older than this is nobody's work in hand.
_LEFTOVER_S: Final = 3600.0


def erase_people(root: str | Path, persons: npt.ArrayLike, now_s: float) -> int:
    """Leave no trace of people (k,) in the lake; returns how many files were rewritten.

    `now_s`: seconds since 1970, for what a crash left half-written an hour ago or more.
    """
    lake = place_of(root)
    erased = add_erased(lake, persons)
    rewritten = 0
    for table in TABLES.values():
        place = lake.within(table.name)
        for path in paths_in(place, ".parquet"):
            rewritten += _rewrite(place, table, path, erased)
        delete_leftovers(place, now_s - _LEFTOVER_S)
    return rewritten


def _rewrite(place: Place, table: LakeTable, path: str, erased: Int64s) -> bool:
    people = read_columns(place, table, path, PERSON_COLUMNS[table.name])
    if not mentions(table.name, people, erased):
        return False
    rows = read_columns(place, table, path, table.schema.names)
    write_parquet(place, path, without_people(table.name, rows, erased).cast(table.schema))
    return True
