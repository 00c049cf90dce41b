"""What every search does with rows of a table of people: leave out the seen, and score."""

from typing import Final

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_LAST_BITS: Final = 0xFFFF


def among(wanted: Ints, ids: Ints) -> Bools:
    """Whether each of `wanted` (m,) is one of the sorted `ids` (n,)."""
    if not len(ids):
        return np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.asarray(ids[at] == wanted, np.bool_)


def unseen(rows: Ints, person_id: Ints, seen: tuple[Ints, ...]) -> Ints:
    """The rows (m,) whose person, of `person_id` (n,), is in none of the sorted arrays."""
    seen = tuple(ids for ids in seen if len(ids))
    if not len(rows) or not seen:
        return rows
    # Mostly few of many are among the seen: of nearly all others the last bits tell.
    persons, marked = person_id.take(rows), np.zeros(_LAST_BITS + 1, np.bool_)
    for ids in seen:
        marked[ids & _LAST_BITS] = True
    perhaps = np.flatnonzero(marked.take(persons & _LAST_BITS))
    left, looked_up = np.ones(len(rows), np.bool_), persons[perhaps]
    for ids in seen:
        left[perhaps[among(looked_up, ids)]] = False
    return rows[left]


def scores_of(vectors: Floats, rows: Ints, query: Floats) -> Floats:
    """Inner products (m,) of the given rows of vectors (n, width) with the query (width,).

    Row by row, not by a matrix product: that one's last bits depend on where a row stands, so that
    equal people would not tie.
    """
    return np.asarray(np.vecdot(vectors.take(rows, axis=0), query), np.float32)
