"""Ratings as swipes: a rating of the threshold or more is a like, a lower one a pass.

Files of ratings have no times. The rows are laid evenly, in their order, over the days before the
import, so that learning can hold out the last of them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from cli.importing.columns import integers, numbers

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class RatingScale:
    """How ratings become swipes. `add_to_ids` moves ids out of the way of others (and off 0)."""

    threshold: float = 8.0
    add_to_ids: int = 0
    days: int = 30


def swipes_of_ratings(
    rows: pa.Table, first_row: int, total_rows: int, scale: RatingScale, now_ms: int
) -> pa.Table:
    """Columns of a file of swipes (docs/import.md) for a chunk of rater, rated, rating.

    What cannot be understood stays empty, and is refused as missing.
    """
    rater, rated = integers(rows, "rater"), integers(rows, "rated")
    rating = numbers(rows, "rating")
    place = np.arange(first_row, first_row + rows.num_rows)
    span_ms = scale.days * _DAY_MS
    at = now_ms - span_ms + place * span_ms // max(total_rows, 1)
    words = np.where(rating.values >= scale.threshold, "like", "pass")
    return pa.table(
        {
            "swiper": pa.array(rater.values + scale.add_to_ids, mask=~rater.given | rater.bad),
            "swiped": pa.array(rated.values + scale.add_to_ids, mask=~rated.given | rated.bad),
            "action": pa.array(words, pa.string(), mask=~rating.given | rating.bad),
            "swiped_at": pa.array(at.astype("datetime64[ms]"), pa.timestamp("ms", tz="UTC")),
        }
    )
