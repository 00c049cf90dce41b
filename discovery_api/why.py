"""Reasons of cards as clients see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from contracts.ranking_pb2 import (
    WHY_CODE_LIKES_YOU_PROBABLY,
    WHY_CODE_MAY_LIKE_YOU,
    WHY_CODE_OFTEN_LIKED,
    WHY_CODE_YOUR_PHOTO_TASTE,
    WHY_CODE_YOUR_TASTE,
)


@dataclass(slots=True)
class Why:
    """One reason that moved a card up: a code for programs, and its parameters."""

    code: str
    parameters: dict[str, float | int | str]


_WORDS: Final = MappingProxyType(
    {
        int(WHY_CODE_YOUR_TASTE): ("your_taste", "times"),
        int(WHY_CODE_LIKES_YOU_PROBABLY): ("likes_you_probably", "percent"),
        int(WHY_CODE_MAY_LIKE_YOU): ("may_like_you", "percent"),
        int(WHY_CODE_OFTEN_LIKED): ("often_liked", "times"),
        int(WHY_CODE_YOUR_PHOTO_TASTE): ("your_photo_taste", "times"),
    }
)


def near(distance_km: Sequence[int]) -> list[list[Why]]:
    """The one reason of a fallback, for cards of these distances."""
    return [[Why("near_you", {"distance_km": km})] for km in distance_km]


def reasons(codes: npt.NDArray[np.uint8], values: npt.NDArray[np.float32]) -> list[list[Why]]:
    """Of cards (m, 2) from what the ranker said; a code of a later ranker is left out."""
    rows = zip(codes.tolist(), values.astype(np.float64).round(1).tolist(), strict=True)
    return [
        [_why(code, value) for code, value in zip(*row, strict=True) if code in _WORDS]
        for row in rows
    ]


def _why(code: int, value: float) -> Why:
    word, parameter = _WORDS[code]
    return Why(word, {parameter: int(value) if parameter == "percent" else value})
