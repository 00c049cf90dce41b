"""Ways to find the 200 best of rows that are known beforehand: the fastest is the floor."""

from collections.abc import Callable, Mapping
from typing import Final

import faiss
import numpy as np
import numpy.typing as npt

from cli.bench.deck.asked import RETRIEVED, Asked, best_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def contiguous(table: Floats, asked: Asked) -> Ints:
    """As if the table held these rows and no others, in one piece: product, then selection."""
    return best_of(asked.vectors @ asked.query)


def contiguous_faiss(table: Floats, asked: Asked) -> Ints:
    """The same by FAISS, which selects while it multiplies."""
    most = min(RETRIEVED, len(asked.rows))
    if not most:
        return np.empty(0, np.int64)
    _, places = faiss.knn(
        asked.query[None, :], asked.vectors, most, metric=faiss.METRIC_INNER_PRODUCT
    )
    return np.asarray(places[0], np.int64)


def gathered(table: Floats, asked: Asked) -> Ints:
    """From the table (n, w) as it lies in memory."""
    return best_of(table.take(asked.rows, axis=0) @ asked.query)


SCANS: Final[Mapping[str, Callable[[Floats, Asked], Ints]]] = {
    "contiguous": contiguous,
    "contiguous_faiss": contiguous_faiss,
    "gathered": gathered,
}
"""By name: places (k,) among the rows of what is asked, best first."""
