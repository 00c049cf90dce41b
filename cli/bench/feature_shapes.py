"""What `gravity bench features` reads: three views, and people who have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.signature import Signature
from features.views import Feature, Kind, View

PEOPLE: Final = 2_000
"""People with ids from 1; ids above it are of nobody."""

_NULLS: Final = 0.02
_UNKNOWN: Final = 0.02
_LATEST_S: Final = 1_770_000_000
_BODY: Final = ("fit", "average", "athletic", "thin", "ça")
Column = npt.NDArray[np.generic] | Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Shape:
    """One view; `width`: numbers of its list, if it has one."""

    view: View
    width: int = 1

    @property
    def signature(self) -> Signature:
        """All its features."""
        lists = (f.name for f in self.view.features if f.kind is Kind.FLOAT32_LIST)
        return Signature.of_views([self.view], dict.fromkeys(lists, self.width))


def _features(kind: Kind, prefix: str, many: int) -> tuple[Feature, ...]:
    return tuple(Feature(f"{prefix}_{n}", kind) for n in range(many))


SHAPES: Final = {
    "packed": Shape(View("bench_packed", _features(Kind.FLOAT32_LIST, "list", 1)), 64),
    "20 scalars": Shape(View("bench_scalars", _features(Kind.FLOAT32, "scalar", 20))),
    "mixed": Shape(
        View(
            "bench_mixed",
            (
                *_features(Kind.FLOAT32_LIST, "list", 1),
                *_features(Kind.INT64, "count", 5),
                *_features(Kind.STRING, "text", 2),
                *_features(Kind.FLOAT64, "number", 3),
                *_features(Kind.UNIX_TIMESTAMP, "time", 1),
            ),
        ),
        16,
    ),
}


def columns(shape: Shape, rng: np.random.Generator) -> list[Column]:
    """What PEOPLE have: a column (PEOPLE,) or (PEOPLE, width) for each feature, some of it null."""
    return [_column(feature.kind, shape.width, rng) for feature in shape.view.features]


def _column(kind: Kind, width: int, rng: np.random.Generator) -> Column:
    null = rng.random(PEOPLE) < _NULLS
    if kind is Kind.STRING:
        return [None if n else _BODY[i % len(_BODY)] for i, n in enumerate(null.tolist())]
    if kind is Kind.INT64:
        # Feast has no null of a number that is whole.
        return rng.geometric(0.01, PEOPLE)
    if kind is Kind.UNIX_TIMESTAMP:
        return np.where(null, -1, _LATEST_S - rng.integers(0, 10**7, PEOPLE))
    numbers = rng.normal(size=(PEOPLE, width if kind is Kind.FLOAT32_LIST else 1))
    numbers[null] = np.nan
    return numbers if kind is Kind.FLOAT32_LIST else numbers[:, 0]


def somebody(people: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Different people (n,) of PEOPLE, and in the place of some of them nobody."""
    ids = rng.permutation(PEOPLE)[:people] + 1
    return np.where(rng.random(people) < _UNKNOWN, ids + PEOPLE, ids)
