"""The second task: asks for decks all the time, and looks for whoever may be in none of them."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from time import perf_counter
from typing import Final
from uuid import UUID

from cli.client import Client, Deck

_PAUSE_S: Final = 0.05
_SHARP_S: Final = 3.0
_LAST: Final = 20


@dataclass(frozen=True, slots=True)
class Held:
    """A deck that a viewer held when somebody in it went; `at` by `perf_counter`."""

    viewer: int
    deck_id: str
    at: float


@dataclass(slots=True)
class Guard:
    """Knows who is gone for whom since when; counts cards that ought not to be there.

    `sharp`: decks of viewers who held the card within the last seconds: new ones, and every other
    time the same deck again. `last`: the last decks that it saw, with their viewers, newest first.
    """

    client: Client
    viewers: Sequence[int]
    served: int = 0
    checked: int = 0
    sharp: int = 0
    last: deque[tuple[int, Deck]] = field(default_factory=lambda: deque(maxlen=_LAST))
    _gone_at: dict[tuple[int, int], float] = field(default_factory=dict)
    _banned_at: dict[int, float] = field(default_factory=dict)
    _held: deque[Held] = field(default_factory=deque)

    def parted(self, viewer: int, person: int, deck: Deck) -> None:
        """`viewer` has just had a swipe on `person`, or their block, acknowledged."""
        self._gone_at.setdefault((viewer, person), perf_counter())
        self._held.append(Held(viewer, deck["deck_id"], perf_counter()))

    def banned(self, person: int, viewer: int, deck: Deck) -> None:
        """A ban of `person`, who is in a deck of `viewer`, has just been acknowledged."""
        self._banned_at.setdefault(person, perf_counter())
        self._held.append(Held(viewer, deck["deck_id"], perf_counter()))

    async def run(self) -> None:
        """Ask for decks until cancelled. Raises httpx's errors."""
        for number, viewer in enumerate(cycle(self.viewers)):
            while self._held and self._held[0].at < perf_counter() - _SHARP_S:
                self._held.popleft()
            if self._held and number % 4:
                held = self._held[0]
                self._held.rotate(-1)
                again = UUID(held.deck_id) if number % 2 else None
                self.sharp += 1
                await self._look(held.viewer, again)
            else:
                await self._look(viewer, None)
            await asyncio.sleep(_PAUSE_S)

    async def _look(self, viewer: int, deck_id: UUID | None) -> None:
        began = perf_counter()
        deck = await self.client.deck(viewer, deck_id=deck_id)
        self.checked += 1
        self.last.appendleft((viewer, deck))
        self.served += sum(self._is_gone(viewer, card["id"], began) for card in deck["cards"])

    def _is_gone(self, viewer: int, person: int, by: float) -> bool:
        at = (self._gone_at.get((viewer, person)), self._banned_at.get(person))
        return any(each is not None and each < by for each in at)
