"""What swipes make of a person: pure state, and the registry of reducers that move it on.

A reducer takes the state of one person and one swipe in which that person is a side. A new feature
from swipes is a field here, a reducer in `REDUCERS` and a column in `features.views`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from features.fold_in import HISTORY_LIMIT, PASS
from features.history import SWIPE_DTYPE

PARTITIONS: Final = 4
"""Of user.swipes; the stream refuses a record from beyond."""

OFFSETS_KEPT: Final = 8192
"""How far below the highest source offset single ones are remembered.

The relay may publish out of order within what it has in flight, when the broker refuses one batch
and takes the next. One high-water mark would then skip records that were never applied.
"""


@dataclass(frozen=True, slots=True)
class Swipe:
    """One swipe.recorded; `partition` and `offset` are those of its source in user.swipes."""

    swiper: int
    swiped: int
    action: int
    at_ms: int
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class SwipeState:
    """Everything about one person that swipes change. `history` is packed SWIPE_DTYPE.

    `applied`: source offsets by partition, ascending. `last_swipe_s` is −1 for one who never did.
    """

    likes_given: int = 0
    swipes_given: int = 0
    likes_received: int = 0
    swipes_received: int = 0
    last_swipe_s: int = -1
    event_ms: int = 0
    history: bytes = b""
    applied: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def counts(self) -> tuple[int, int, int, int, int]:
        """The columns of the `behaviour` view."""
        return (
            self.likes_given,
            self.swipes_given,
            self.likes_received,
            self.swipes_received,
            self.last_swipe_s,
        )


Reducer = Callable[[SwipeState, int, Swipe], SwipeState]


def count_given(state: SwipeState, person: int, swipe: Swipe) -> SwipeState:
    """How often the person liked, and swiped, and when last."""
    if person != swipe.swiper:
        return state
    return replace(
        state,
        likes_given=state.likes_given + (swipe.action != PASS),
        swipes_given=state.swipes_given + 1,
        last_swipe_s=max(state.last_swipe_s, swipe.at_ms // 1000),
    )


def count_received(state: SwipeState, person: int, swipe: Swipe) -> SwipeState:
    """How often the person was liked, and swiped."""
    if person != swipe.swiped:
        return state
    return replace(
        state,
        likes_received=state.likes_received + (swipe.action != PASS),
        swipes_received=state.swipes_received + 1,
    )


def remember(state: SwipeState, person: int, swipe: Swipe) -> SwipeState:
    """The latest swipes made."""
    if person != swipe.swiper:
        return state
    made = np.array([(swipe.swiped, swipe.action)], SWIPE_DTYPE).tobytes()
    return replace(state, history=(state.history + made)[-HISTORY_LIMIT * SWIPE_DTYPE.itemsize :])


def note_time(state: SwipeState, person: int, swipe: Swipe) -> SwipeState:
    """The event time of the views: the latest swipe on either side."""
    return replace(state, event_ms=max(state.event_ms, swipe.at_ms))


REDUCERS: Final[tuple[Reducer, ...]] = (count_given, count_received, remember, note_time)


def after(state: SwipeState, person: int, swipes: Iterable[Swipe]) -> SwipeState:
    """The state after those of the swipes that were not applied before; the same if all were."""
    for swipe in swipes:
        known = state.applied.get(swipe.partition, ())
        if _is_applied(known, swipe.offset):
            continue
        for reduce in REDUCERS:
            state = reduce(state, person, swipe)
        applied = {**state.applied, swipe.partition: _with(known, swipe.offset)}
        state = replace(state, applied=applied)
    return state


def _is_applied(known: tuple[int, ...], offset: int) -> bool:
    return bool(known) and (offset <= known[-1] - OFFSETS_KEPT or offset in known)


def _with(known: tuple[int, ...], offset: int) -> tuple[int, ...]:
    everything = sorted({*known, offset})
    return tuple(at for at in everything if at > everything[-1] - OFFSETS_KEPT)
