"""Many photos at once: from their urls to pixels, those that cannot be used left out by reason."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.media import Media, MediaUnreachable
from features.photo_pixels import SIDE, PhotoRefused, Pixels, decode

UNREACHABLE: Final = "unreachable"
"""The reason of a photo whose place did not answer: another time it may be there."""

# Reading waits for the media, and decoding runs without the interpreter's lock; but each holds a
# whole photo, of up to 40 megapixels.
_THREADS: Final = 4

Say = Callable[[int, int], None]
"""Is told how many of how many are done."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadPhotos:
    """Of urls (n,): pixels (k, SIDE, SIDE, 3) uint8 of those in rows (k,), ascending; of the others
    the reason, by url."""

    pixels: Pixels
    rows: npt.NDArray[np.int64]
    refused: Mapping[str, str]

    def reasons(self) -> dict[str, int]:
        """How many were refused, by reason."""
        return dict(Counter(self.refused.values()))


def read_pixels(media: Media, urls: Sequence[str], say: Say = lambda done, of: None) -> ReadPhotos:
    """Read and decode photos by their urls (n,)."""
    found: list[Pixels] = []
    rows: list[int] = []
    refused: dict[str, str] = {}
    with ThreadPoolExecutor(_THREADS, "photos") as threads:
        each = threads.map(lambda url: _read(media, url), urls)
        for row, (url, photo) in enumerate(zip(urls, each, strict=True)):
            if isinstance(photo, str):
                refused[url] = photo
            else:
                found.append(photo)
                rows.append(row)
            say(row + 1, len(urls))
    pixels = np.stack(found) if found else np.zeros((0, SIDE, SIDE, 3), np.uint8)
    return ReadPhotos(pixels, np.array(rows, np.int64), refused)


def _read(media: Media, url: str) -> Pixels | str:
    """The pixels of a photo, or why there are none."""
    try:
        return decode(media.read(url))
    except PhotoRefused as refused:
        return refused.reason
    except MediaUnreachable:
        return UNREACHABLE
