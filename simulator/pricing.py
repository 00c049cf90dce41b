"""Prices for a policy of the simulator, by the platform's solver, from who is left for whom."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from simulator.attendance import Attendance
from training.market.inboxes import table_beside_cards
from training.market.prices import Serving, solve
from training.market.shortlists import NOBODY, Shortlists, day_by_day

LENGTH: Final = 128
"""Candidates of a shortlist."""
SHARP: Final = 0.01
"""The temperature of decks that are not drawn, in what prices assume."""
_DAYS: Final = 7
"""Prices are those of a week: so long a like waits, and nobody is shown twice."""
_BATCH: Final = 1024

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Lists = Callable[[int, Floats32], tuple[Ints, Floats32, Floats32]]
"""From a viewer and everybody's mean price of now (n,) to the candidates in question (at most
LENGTH), log P(viewer likes candidate) and logit P(candidate likes viewer) of each."""


def find_prices(
    lists: Lists,
    now: Prices,
    attendance: Attendance,
    present: Bools,
    tau: float,
    rng: np.random.Generator,
) -> Prices:
    """The prices of the next days, of everybody `present` (n,); `now`: those of today."""
    cards = np.where(present, _DAYS * attendance.cards(), np.float32(0.0))
    batches = list(_batches(lists, cards, now.mean()))
    visits, serving = _DAYS * attendance.visits(), Serving(day_by_day, tau)
    return solve(batches, visits, serving, rng, shape=table_beside_cards)


def shortlist(free: Floats32, mean: Floats32) -> Ints:
    """Places (at most LENGTH) of the candidates (m,) who are best without prices, and with the
    prices (m,) of now: who is priced out would be free again if nobody had them on a list."""
    if len(free) <= LENGTH:
        return np.arange(len(free))
    half = LENGTH // 2
    tops = [np.argpartition(-score, half)[:half] for score in (free, free - mean)]
    return np.unique(np.concatenate(tops))


def _batches(lists: Lists, cards: Floats32, mean: Floats32) -> Iterator[Shortlists]:
    viewers = np.flatnonzero(cards > 0.0)
    for start in range(0, len(viewers), _BATCH):
        rows = viewers[start : start + _BATCH]
        shape = (len(rows), LENGTH)
        candidates = np.full(shape, NOBODY, np.int32)
        log_p, logit_q = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for i, viewer in enumerate(rows.tolist()):
            found, there, back = lists(viewer, mean)
            candidates[i, : len(found)] = found
            log_p[i, : len(found)], logit_q[i, : len(found)] = there, back
        looked = cards[rows]
        yield Shortlists(candidates, log_p, logit_q, looked, np.ones_like(looked))
