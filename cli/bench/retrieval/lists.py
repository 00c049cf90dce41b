"""FAISS's inverted lists, as good at these vectors as we know how to make them.

Which people are near each other says little about products with a query: norms differ by people's
rates more than by anybody's taste. What counts is how far apart two vectors are for the queries
that there are: sqrt(E[(q.x - q.y)^2]). With E[q q^T] = U S^2 U^T that is the plain distance between
x U S and y U S; and q U S^-1 has the same products with those as q has with x and y (0068).
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import faiss
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_SAMPLED: Final = 64
_ROUNDS: Final = 10
_LEAST_SPREAD: Final = 1e-3
_SEED: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class InvertedLists:
    """`index`: IndexIVFFlat over n vectors; `turn` (width, width): from a query to the index's."""

    index: Any
    turn: Floats
    n: int
    _quantizer: Any

    @classmethod
    def of(cls, vectors: Floats, queries: Floats) -> Self:
        """Over vectors (n, width), for queries like those of (m, width). 10 s for a million."""
        n, width = vectors.shape
        spread, axes = np.linalg.eigh(queries.T.astype(np.float64) @ queries / len(queries))
        scale = np.sqrt(np.maximum(spread, _LEAST_SPREAD**2 * spread[-1]))
        turned = np.ascontiguousarray(vectors @ (axes * scale).astype(np.float32))
        # Uncompressed: 8 bits cost 1% of recall here, which the lists need for themselves.
        kmeans = faiss.Kmeans(
            width,
            _many(n),
            niter=_ROUNDS,
            seed=_SEED,
            max_points_per_centroid=_SAMPLED,
            min_points_per_centroid=1,
        )
        kmeans.train(turned)
        # Lists are filled by distance but chosen by product.
        quantizer = faiss.IndexFlatIP(width)
        quantizer.add(kmeans.centroids)
        index = faiss.IndexIVFFlat(quantizer, width, _many(n), faiss.METRIC_INNER_PRODUCT)
        nearest = kmeans.index.search(turned, 1)[1].ravel()
        index.add_core(n, faiss.swig_ptr(turned), None, faiss.swig_ptr(nearest))
        return cls(index, (axes / scale).T.astype(np.float32), n, quantizer)

    @property
    def count(self) -> int:
        """How many lists there are."""
        return int(self.index.nlist)

    def search(
        self, vector: Floats, k: int, nprobe: int, among: Ints | None = None
    ) -> tuple[Ints, Floats]:
        """Up to k rows and their products, best first, in the `nprobe` most promising lists; of the
        rows `among`, if given."""
        how = faiss.SearchParametersIVF(nprobe=nprobe)
        if among is not None:
            mask = np.zeros(self.n, np.bool_)
            mask[among] = True
            # FAISS keeps but a pointer: both have to live until it is done.
            bitmap = np.packbits(mask, bitorder="little")
            selector = faiss.IDSelectorBitmap(bitmap)
            how.sel = selector
        scores, rows = self.index.search((self.turn @ vector)[None], k, params=how)
        known = rows[0] >= 0
        return rows[0][known], scores[0][known]


def _many(n: int) -> int:
    """A power of two near twice the root of n."""
    return max(1, int(2 ** round(np.log2(2 * np.sqrt(n)))))
