"""Swipes and what takes them back, as they come out of the matcher, and a recount by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from features.history import SWIPE_DTYPE, unpack
from features.lake_tables import SWIPES
from features.swipe_state import PARTITIONS, Swipe, SwipeState

PEOPLE = 5
PASS = 2
START_MS = 1_700_000_000_000
person = st.integers(1, PEOPLE)
step = st.tuples(person, person, st.integers(1, 3), st.integers(0, 2500)).filter(
    lambda s: s[0] != s[1]
)
steps = st.lists(step, min_size=1, max_size=60)


@dataclass
class World:
    """Events in the order in which they happened; of a pair all are in one partition."""

    events: list[Swipe] = field(default_factory=list)
    standing: dict[tuple[int, int], Swipe] = field(default_factory=dict)

    def step(self, swiper: int, swiped: int, action: int, wait_ms: int) -> None:
        """A swipe, or if one stands its end. Nothing happens twice to a pair at one time."""
        before = self.events[-1] if self.events else None
        now = max(before.at_ms, before.taken_back_ms) + wait_ms if before else START_MS
        old = self.standing.pop((swiper, swiped), None)
        pair = [s for s in self.events if {s.swiper, s.swiped} == {swiper, swiped}]
        now += bool(pair) and max(pair[-1].at_ms, pair[-1].taken_back_ms) >= now
        partition = (min(swiper, swiped) * 7 + max(swiper, swiped)) % PARTITIONS
        offset = sum(s.partition == partition for s in self.events)
        if old:
            event = Swipe(swiper, swiped, old.action, old.at_ms, partition, offset, now)
        else:
            event = Swipe(swiper, swiped, action, now, partition, offset)
            self.standing[swiper, swiped] = event
        self.events.append(event)

    def erase(self, gone: int) -> None:
        """What the matcher says when a person is erased: all their swipes are taken back."""
        for swiper, swiped in [pair for pair in self.standing if gone in pair]:
            self.step(swiper, swiped, 0, 1)


def world_of(taken: Sequence[tuple[int, int, int, int]]) -> World:
    """The world after some steps."""
    world = World()
    for each in taken:
        world.step(*each)
    return world


def recount(world: World, who: int) -> SwipeState:
    """The state of a person by the swipes that stand, but for what was applied and when."""
    made = [s for s in world.standing.values() if s.swiper == who]
    had = [s for s in world.standing.values() if s.swiped == who]
    latest = sorted((s.at_ms // 1000, s.swiped, s.action) for s in made)
    history = np.array([(whom, action, at) for at, whom, action in latest], SWIPE_DTYPE)
    return SwipeState(
        likes_given=sum(s.action != PASS for s in made),
        swipes_given=len(made),
        likes_received=sum(s.action != PASS for s in had),
        swipes_received=len(had),
        last_swipe_s=latest[-1][0] if latest else -1,
        history=history.tobytes(),
    )


def delivered(events: Sequence[Swipe], choose: Callable[[int], int]) -> list[Swipe]:
    """The events with each partition in its order, and the partitions mixed."""
    left = [[s for s in events if s.partition == p] for p in range(PARTITIONS)]
    order: list[Swipe] = []
    while left := [queue for queue in left if queue]:
        order.append(left[choose(len(left))].pop(0))
    return order


def table_of(swipes: Sequence[Swipe]) -> pa.Table:
    """Rows of schema SWIPES."""
    columns: dict[str, list[object]] = {name: [None] * len(swipes) for name in SWIPES.names}
    columns |= {
        "event_id": [f"{s.partition}:{s.offset}" for s in swipes],
        "swiper": [s.swiper for s in swipes],
        "swiped": [s.swiped for s in swipes],
        "action": [s.action for s in swipes],
        "simulated": [False] * len(swipes),
        "source_partition": [s.partition for s in swipes],
        "source_offset": [s.offset for s in swipes],
        "taken_back": [s.taken_back_ms > 0 for s in swipes],
    }
    at = pa.array([s.at_ms for s in swipes], pa.int64()).cast(pa.timestamp("ms", "UTC"))
    arrays = [at if f.name == "swiped_at" else pa.array(columns[f.name], f.type) for f in SWIPES]
    return pa.Table.from_arrays(arrays, schema=SWIPES)


def whom(state: SwipeState) -> list[int]:
    """The candidates in a history, oldest first."""
    found: list[int] = unpack(state.history)["candidate"].tolist()
    return found
