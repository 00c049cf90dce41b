"""A sheet of photos, each beside those that its vector is nearest to: what people look at first."""

from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.photos.patches import Floats, Pixels

Ints = npt.NDArray[np.int64]

_QUERIES: Final = 10
_NEAREST: Final = 8
_GAP: Final = 4


def nearest_sheet(pixels: Pixels, vectors: Floats, seed: int) -> bytes:
    """PNG: a row for each of ten random photos (k, side, side, 3), the photo first, then the eight
    of the others whose vectors (k, p) are most like its own, by the cosine."""
    rng = np.random.default_rng(seed)
    queries = np.sort(rng.permutation(len(pixels))[:_QUERIES])
    rows = [np.concatenate(([query], _nearest(vectors, query))) for query in queries.tolist()]
    side, columns = pixels.shape[1], 1 + _NEAREST
    step = side + _GAP
    # The photo itself stands apart.
    sheet = np.full((len(rows) * step + _GAP, columns * step + 3 * _GAP, 3), 255, np.uint8)
    for line, row in enumerate(rows):
        for place, photo in enumerate(row.tolist()):
            top, left = _GAP + line * step, _GAP + place * step + (2 * _GAP if place else 0)
            sheet[top : top + side, left : left + side] = pixels[photo]
    out = BytesIO()
    Image.fromarray(sheet).save(out, "PNG")
    return out.getvalue()


def _nearest(vectors: Floats, query: int) -> Ints:
    length = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    alike = vectors @ vectors[query] / (length * length[query])
    alike[query] = -np.inf
    return np.argsort(-alike, kind="stable")[: min(_NEAREST, len(vectors) - 1)]
