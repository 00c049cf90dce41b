"""What swipes make of a person: pure state, and the registry of reducers that move it on.

A reducer takes the state of one person and one swipe in which that person is a side. A new feature
from swipes is a field here, a reducer in `REDUCERS` and a column in `features.views`.

A swipe comes once when it is made and, if it is taken back (a rewind, an erasure), once more with
`taken_back_ms`. A reducer then undoes what it did: sums by `swipe.sign`; what is no sum from the
history, which is in order of time and holds what stands. So the state is that of the swipes that
stand, in whatever order different pairs came.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from contracts.topics import USER_SWIPES
from features.fold_in import PASS
from features.history import newest_s, with_swipe, without_swipe
from features.offsets import AppliedOffsets

PARTITIONS: Final = USER_SWIPES.on_cluster
"""Of user.swipes, at most; the stream refuses a record from beyond."""


@dataclass(frozen=True, slots=True)
class Swipe:
    """One swipe.recorded; `partition` and `offset` are those of its source in user.swipes.

    `at_ms`: when the swipe was made; `taken_back_ms`: when it was taken back, 0 as it is made.
    """

    swiper: int
    swiped: int
    action: int
    at_ms: int
    partition: int
    offset: int
    taken_back_ms: int = 0

    @property
    def sign(self) -> int:
        """What the event adds to a count."""
        return -1 if self.taken_back_ms else 1

    @property
    def at_s(self) -> int:
        """When the swipe was made, in whole seconds."""
        return self.at_ms // 1000


class SwipeState(NamedTuple):
    """Everything about one person that swipes change. `history` is packed SWIPE_DTYPE.

    A tuple, as a changed copy of one takes a quarter of the time that one of a dataclass takes.

    `applied`: packed source offsets by partition (`features.offsets`). `last_swipe_s` is that of
    the swipes that stand, −1 for one who has none; `event_ms` the latest that happened at all, a
    taking back included.
    """

    likes_given: int = 0
    swipes_given: int = 0
    likes_received: int = 0
    swipes_received: int = 0
    last_swipe_s: int = -1
    event_ms: int = 0
    history: bytes = b""
    applied: Mapping[int, bytes] = MappingProxyType({})

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


def give(state: SwipeState, person: int, swipe: Swipe) -> SwipeState:
    """How often the person liked, and swiped; the latest swipes, and when the last one was."""
    if person != swipe.swiper:
        return state
    if swipe.taken_back_ms:
        history = without_swipe(state.history, swipe.swiped, swipe.at_s)
    else:
        history = with_swipe(state.history, swipe.swiped, swipe.action, swipe.at_s)
    swipes_given = state.swipes_given + swipe.sign
    return state._replace(
        likes_given=state.likes_given + swipe.sign * (swipe.action != PASS),
        swipes_given=swipes_given,
        last_swipe_s=_last_swipe_s(state.last_swipe_s, history, swipes_given),
        history=history,
    )


def receive(state: SwipeState, person: int, swipe: Swipe) -> SwipeState:
    """How often the person was liked, and swiped."""
    if person != swipe.swiped:
        return state
    return state._replace(
        likes_received=state.likes_received + swipe.sign * (swipe.action != PASS),
        swipes_received=state.swipes_received + swipe.sign,
    )


def note_time(state: SwipeState, _: int, swipe: Swipe) -> SwipeState:
    """The event time of the views, which finds whose tastes a release must renew."""
    event_ms = max(state.event_ms, swipe.at_ms, swipe.taken_back_ms)
    return state if event_ms == state.event_ms else state._replace(event_ms=event_ms)


REDUCERS: Final[tuple[Reducer, ...]] = (give, receive, note_time)


def after(state: SwipeState, person: int, swipes: Iterable[Swipe]) -> SwipeState:
    """The state after those of the swipes that were not applied before; the same if all were."""
    offsets: dict[int, AppliedOffsets] = {}
    start = state
    for swipe in swipes:
        at = swipe.partition
        if at not in offsets:
            offsets[at] = AppliedOffsets(start.applied.get(at, b""))
        if offsets[at].add(swipe.offset):
            for reduce in REDUCERS:
                state = reduce(state, person, swipe)
    applied = {**start.applied, **{at: known.packed() for at, known in offsets.items()}}
    return start if applied == start.applied else state._replace(applied=applied)


def _last_swipe_s(before: int, history: bytes, swipes_given: int) -> int:
    """Of the history, whose newest entry is the newest swipe. Where nothing is left of it but
    swipes stand (each of the latest HISTORY_LIMIT was taken back), the time stays as it was."""
    return before if swipes_given and not history else newest_s(history)
