"""Whom the lake has forgotten: a list beside its tables, `_erased/<hash of the ids>.parquet`.

A change writes one file that holds everybody, then deletes those that it took in. Readers take the
union of all, so neither a crash between the two nor a late writer loses anybody.
"""

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.lake_files import Place, delete, paths_in, read_parquet, write_parquet

Int64s = npt.NDArray[np.int64]
_FOLDER: Final = "_erased"


def erased_files(lake: Place) -> list[str]:
    """The files of the list. Names tell the content: the same files are the same list."""
    return paths_in(lake.within(_FOLDER), ".parquet")


def erased_people(lake: Place) -> Int64s:
    """Ids (k,) of everybody who was erased, ascending."""
    while True:
        names = erased_files(lake)
        try:
            parts = [read_parquet(lake.within(_FOLDER), name)["person"] for name in names]
        except FileNotFoundError:
            # Taken into another one since it was listed.
            continue
        return np.unique(np.concatenate([np.zeros(0, np.int64), *(p.to_numpy() for p in parts)]))


def add_erased(lake: Place, persons: npt.ArrayLike) -> Int64s:
    """Put people (k,) on the list; returns everybody who is on it."""
    before = erased_files(lake)
    everybody = np.union1d(erased_people(lake), np.asarray(persons, np.int64))
    name = hashlib.sha256(everybody.astype("<i8").tobytes()).hexdigest()[:32] + ".parquet"
    write_parquet(lake.within(_FOLDER), name, pa.table([pa.array(everybody)], names=["person"]))
    for old in before:
        if old != name:
            delete(lake.within(_FOLDER), old)
    return everybody
