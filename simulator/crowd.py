"""Who comes to the app, when, and how long they stay: none of it depends on what they are shown.

Every number is drawn by day and person from the seed, so all policies meet the same people on the
same days. Activity is heavy-tailed twice: in how often somebody comes, and in how many cards they
then look at.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

_NEWCOMERS: Final = 0.2
"""The share of people who join in the course of the month rather than before it."""
_GOES_FOR_GOOD: Final = 0.01
"""A day."""
_BOTS: Final = 0.01
_VISITS: Final = (-0.7, 1.2)
"""Mean and deviation of the logit of the probability to come on a day."""
_CARDS: Final = (1.9, 0.8)
"""Of the logarithm of the mean number of cards that somebody looks at on a visit."""
_MOST_CARDS: Final = 100
_BOT_VISITS: Final = 0.9
_BOT_CARDS: Final = 100.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Those who come on a day: person (v,) rows ascending, and cards (v,), how many they will look
    at."""

    person: Ints
    cards: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """The habits of n people; all arrays (n,).

    `visits`: probability to come on a day; `cards`: mean cards of a visit; present on the days
    `arrives` <= day < `leaves`; `bot`: likes everybody, reads nothing.
    """

    visits: Floats
    cards: Floats
    arrives: Ints
    leaves: Ints
    bot: Bools
    seed: int

    @classmethod
    def draw(cls, people: int, days: int, seed: int) -> Self:
        """Habits of so many people over so many days."""
        random = np.random.default_rng([seed, 21])
        bot = random.random(people) < _BOTS
        visits = 1.0 / (1.0 + np.exp(-random.normal(*_VISITS, people)))
        cards = np.minimum(np.exp(random.normal(*_CARDS, people)), _MOST_CARDS)
        joins = random.random(people) < _NEWCOMERS
        arrives = np.where(joins, random.integers(1, max(2, days), people), 0)
        leaves = arrives + random.geometric(_GOES_FOR_GOOD, people)
        return cls(
            visits=np.where(bot, _BOT_VISITS, visits),
            cards=np.where(bot, _BOT_CARDS, cards),
            arrives=arrives,
            leaves=leaves,
            bot=bot,
            seed=seed,
        )

    def __len__(self) -> int:
        return len(self.visits)

    def present(self, day: int) -> Bools:
        """Who (n,) has joined and has not gone."""
        return np.asarray((self.arrives <= day) & (day < self.leaves))

    def visiting(self, day: int) -> Visits:
        """Who comes on a day. Newcomers come on their first."""
        random = np.random.default_rng([self.seed, 22, day])
        chance, share = random.random(len(self)), random.random(len(self))
        comes = (chance < self.visits) | ((self.arrives == day) & (day > 0))
        person = np.flatnonzero(comes & self.present(day))
        # Whether somebody goes on to the next card does not depend on how many they have seen.
        stops = 1.0 / np.maximum(self.cards[person], 1.0 + 1e-9)
        cards = 1 + np.floor(np.log(share[person]) / np.log1p(-stops)).astype(np.int64)
        return Visits(person, np.clip(cards, 1, 2 * _MOST_CARDS))
