"""The app as a running platform: a market's people at their phones, each swiping for themselves.

Rows of the market are people of the platform by their ids. How anybody pleases whom the market does
not know, nobody can say: such cards and likes are left out.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from simulator.crowd import Crowd, Visits
from simulator.days import Cards, Likes, Swiped
from simulator.fast import DECK_SIZE
from simulator.phones import LiveFailed, Phones, Shown, Swipe

AT_ONCE: Final = 4
"""Requests under way."""

Ints = npt.NDArray[np.int64]
Result = TypeVar("Result")


class Run(Protocol):
    """Runs a coroutine to its end, always in the same event loop, as asyncio.Runner.run does."""

    def __call__(self, coro: Coroutine[Any, Any, Result], /) -> Result:
        """What it returns."""


def only(crowd: Crowd, rows: Ints) -> Crowd:
    """A crowd of whom nobody comes but those of some rows (k,), who are there from the start."""
    visits = np.zeros(len(crowd))
    visits[rows] = crowd.visits[rows]
    there = np.zeros(len(crowd), np.int64)
    return replace(crowd, visits=visits, arrives=there, leaves=crowd.leaves - crowd.arrives)


def unheard(step: str, done: int, of: int) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class LiveApp:
    """Implements simulator.days.App by requests. Raises LiveFailed.

    `person` (n,): the ids of the market's rows, ascending. `settled` returns when likes that were
    sent have arrived, and answered ones are gone. `told` hears how many are through
    with a step.
    """

    phones: Phones
    person: Ints
    run: Run
    settled: Callable[[], Coroutine[Any, Any, None]]
    told: Callable[[str, int, int], None] = unheard
    # By viewer and candidate, rows: what is on their screens today.
    _shown: dict[tuple[int, int], Shown] = field(default_factory=dict, init=False)

    def likes_before(self, readers: Ints) -> Likes:
        """Those of the platform's lists before anybody swipes."""
        return self.likes_waiting(0, readers)

    def likes_waiting(self, day: int, readers: Ints) -> Likes:
        """Of the platform's lists, when all that was swiped before has arrived there."""
        self.run(self.settled())
        lists = self._each("likes", readers, lambda row, person: self.phones.likes(person))
        reader, sender, _ = self._seen(readers, lists)
        return Likes(reader, sender)

    def decks(self, day: int, visits: Visits) -> Cards:
        """A new deck each: of as many cards as they will look at, or as many as the platform
        deals at once."""
        self._shown.clear()
        sizes = dict(zip(visits.person.tolist(), visits.cards.tolist(), strict=True))
        decks = self._each(
            "decks",
            visits.person,
            lambda row, person: self.phones.deck(person, max(DECK_SIZE, sizes[row])),
        )
        viewer, candidate, place = self._seen(visits.person, decks)
        # The API keeps propensities to itself: they are in the tokens, for those who learn.
        return Cards(viewer, candidate, place, np.full(len(viewer), np.nan))

    def swipe(self, day: int, swiped: Swiped) -> None:
        """Everybody's swipes in their order, with the tokens of what is on their screens."""
        batches: dict[int, list[Swipe]] = {}
        decisions = (swiped.viewer.tolist(), swiped.candidate.tolist(), swiped.liked.tolist())
        for viewer, candidate, liked in zip(*decisions, strict=True):
            batch = batches.setdefault(viewer, [])
            batch.append(Swipe(self._shown[viewer, candidate], liked))

        viewers = np.array(list(batches), np.int64)
        self._each("swipes", viewers, lambda row, person: self.phones.swipe(person, batches[row]))

    def _each(
        self, step: str, rows: Ints, ask: Callable[[int, int], Coroutine[Any, Any, Result]]
    ) -> list[Result]:
        """Ask something of everybody, by row and id, some at once; answers in the order of rows."""
        gate, done = asyncio.Semaphore(AT_ONCE), 0

        async def one(row: int) -> Result:
            nonlocal done
            async with gate:
                answer = await ask(row, int(self.person[row]))
            done += 1
            self.told(step, done, len(rows))
            return answer

        return self.run(_all([one(row) for row in rows.tolist()]))

    def _seen(self, viewers: Ints, lists: Sequence[Sequence[Shown]]) -> tuple[Ints, Ints, Ints]:
        """Viewer, other and place (m,) of all whom the market knows; they are on screens now."""
        rows: list[tuple[int, int, int]] = []
        for viewer, shown in zip(viewers.tolist(), lists, strict=True):
            place = 0
            for each in shown:
                other = int(np.searchsorted(self.person, each.person))
                if other < len(self.person) and self.person[other] == each.person:
                    self._shown[viewer, other] = each
                    rows.append((viewer, other, place))
                    place += 1
        table = np.array(rows, np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]


async def _all(asked: Sequence[Coroutine[Any, Any, Result]]) -> list[Result]:
    """All answers, or the first failure of the platform, which ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in asked]
    except* LiveFailed as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
