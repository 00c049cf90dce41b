"""What every search does with rows of a table of people: leave out the seen, and score."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def among(wanted: Ints, ids: Ints) -> Bools:
    """Whether each of `wanted` (m,) is one of the sorted `ids` (n,)."""
    if not len(ids):
        return np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.asarray(ids[at] == wanted, np.bool_)


def unseen(rows: Ints, person_id: Ints, seen: tuple[Ints, ...]) -> Ints:
    """The rows (m,) whose person, of `person_id` (n,), is in none of the sorted arrays."""
    if not len(rows) or not any(map(len, seen)):
        return rows
    # Mostly few are looked up among many: the other way round takes four times as long.
    persons = person_id.take(rows)
    order = np.argsort(persons)
    ascending, left = persons[order], np.ones(len(rows), np.bool_)
    for ids in seen:
        at = np.minimum(np.searchsorted(ascending, ids), len(rows) - 1)
        left[order[at[ascending[at] == ids]]] = False
    return rows[left]


def scores_of(vectors: Floats, rows: Ints, query: Floats) -> Floats:
    """Inner products (m,) of the given rows of vectors (n, width) with the query (width,).

    Row by row, not by a matrix product: that one's last bits depend on where a row stands, so that
    equal people would not tie.
    """
    return np.asarray(np.vecdot(vectors.take(rows, axis=0), query), np.float32)
