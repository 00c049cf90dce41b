"""Does the next deck show that it learned? Share of one observed class before and after swipes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from cli.check.decks import each
from cli.check.intervals import Interval, mean_interval
from cli.check.world import World
from cli.client import Card, Client, SwipeRequest, swipe_of

LIKES = PASSES = 15
# Cards fetched at a time while looking for enough people to swipe on.
BROWSE = 100
AGE_BANDS = ((18, 24), (25, 29), (30, 34), (35, 44), (45, 54), (55, 120))


@dataclass(frozen=True, slots=True)
class ObservedClass:
    """A class that a person can be seen to belong to: a body type or an age band."""

    name: str
    members: NDArray[np.bool_]


def observed_classes(world: World) -> list[ObservedClass]:
    """Every body type and age band of the population; members (n,) bool."""
    age = world.age()
    types = [
        ObservedClass(f"body type {name}", world.body_type == name)
        for name in np.unique(world.body_type)
        if name
    ]
    bands = [
        ObservedClass(f"aged {low}-{high}", (age >= low) & (age <= high)) for low, high in AGE_BANDS
    ]
    return types + bands


def choose_class(
    world: World, row: int, classes: Sequence[ObservedClass], rng: np.random.Generator
) -> ObservedClass | None:
    """A class with enough eligible members, and non-members, left to swipe on and to be shown."""
    pool = world.unseen_eligible(row)
    enough = [
        c
        for c in classes
        if int((pool & c.members).sum()) >= 4 * LIKES
        and int((pool & ~c.members).sum()) >= 4 * PASSES
    ]
    return enough[int(rng.integers(len(enough)))] if enough else None


@dataclass(frozen=True, slots=True)
class Shift:
    """The change of one class's share of the deck, for those who swiped and those who did not.

    None where nobody has enough people of one class, and of others, to swipe on.
    """

    shift: Interval | None
    control_shift: Interval | None


@dataclass(frozen=True, slots=True)
class ShiftCheck:
    """One run: `learned(viewer)` waits until the viewer's last swipe is in their features."""

    world: World
    client: Client
    learned: Callable[[int], Awaitable[None]]

    async def run(
        self,
        treated: Sequence[tuple[int, ObservedClass]],
        control: Sequence[tuple[int, ObservedClass]],
        size: int,
        advance: Callable[[], None],
    ) -> Shift:
        """Measure both groups; a viewer comes with the class that is watched."""

        async def swiping(item: tuple[int, ObservedClass]) -> float:
            viewer, observed = item
            before = await self._share(viewer, observed, size)
            await self._swipe(viewer, observed)
            await self.learned(viewer)
            return await self._share(viewer, observed, size) - before

        async def watching(item: tuple[int, ObservedClass]) -> float:
            viewer, observed = item
            before = await self._share(viewer, observed, size)
            return await self._share(viewer, observed, size) - before

        return Shift(
            mean_interval(np.array(await each(treated, swiping, advance))),
            mean_interval(np.array(await each(control, watching, advance))),
        )

    async def _share(self, viewer: int, observed: ObservedClass, size: int) -> float:
        deck = await self.client.deck(viewer, size, uuid4())
        members = [self._is_member(card, observed) for card in deck["cards"]]
        return float(np.mean(members)) if members else 0.0

    def _is_member(self, card: Card, observed: ObservedClass) -> bool:
        return bool(observed.members[self.world.people.row(card["id"])])

    async def _swipe(self, viewer: int, observed: ObservedClass) -> None:
        """15 likes of the class and 15 passes of others, from decks as a client would get them."""
        left = {True: LIKES, False: PASSES}
        for _ in range(8):
            deck = await self.client.deck(viewer, BROWSE, uuid4())
            batch: list[SwipeRequest] = []
            for card in deck["cards"]:
                member = self._is_member(card, observed)
                if left[member]:
                    left[member] -= 1
                    batch.append(swipe_of(card, "like" if member else "pass"))
            if batch:
                await self.client.swipe(viewer, batch)
            if not any(left.values()) or not batch:
                return
