"""The prices that are measured in every market: how they are found, and decks drawn by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from training.market.inboxes import single, table
from training.market.prices import Shape
from training.market.served import STEPS, TAU, shape_of

_TAU: Final = 0.02


@dataclass(frozen=True, slots=True)
class Pricing:
    """Prices of a shape, from so many turns, for decks that are drawn with `tau`."""

    method: str
    shape: Shape
    steps: int
    tau: float


def pricings(steps: int) -> Sequence[Pricing]:
    """Both shapes at their best, from so many turns; and what a release has."""
    return (
        Pricing("gravity-table", table, steps, _TAU),
        Pricing("gravity-single-price", single, steps, _TAU),
        Pricing("table, as served", shape_of(1.0), STEPS[-1], TAU),
    )
