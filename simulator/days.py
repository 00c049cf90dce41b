"""One day of the market after the other: the same whether the app is arrays or an API.

A day has two rounds for everybody who comes: first cards, then the likes that wait for them, also
those of the day. Of a deck they look at so many cards from the top; each is swiped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from simulator.choices import Choices
from simulator.crowd import Crowd, Visits
from simulator.pairs import found_in, with_more

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Cards:
    """m cards of a day's decks, viewer by viewer from the top: viewer, candidate (m,) rows; place
    (m,) from 0; propensity (m,), NaN where the policy has none."""

    viewer: Ints
    candidate: Ints
    place: Ints
    propensity: Floats

    def take(self, rows: Bools) -> "Cards":
        """Some of them, in the same order."""
        return Cards(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, slots=True, eq=False)
class Likes:
    """Likes (m,) that wait: sender and reader, rows."""

    reader: Ints
    sender: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Swiped:
    """What was swiped (m,), in order: viewer, candidate, liked, propensity (NaN for answers to
    likes received)."""

    viewer: Ints
    candidate: Ints
    liked: Bools
    propensity: Floats


Past = Sequence[tuple[int, Swiped]]
"""What was swiped on days before the first, which are below 0: day by day, in order."""


class App(Protocol):
    """What people have in their hands: a platform under some policy."""

    def likes_before(self, readers: Ints) -> Likes:
        """Likes from before the first day that these people have not answered."""

    def likes_waiting(self, day: int, readers: Ints) -> Likes:
        """All likes that these people have been sent and not answered."""

    def decks(self, day: int, visits: Visits) -> Cards:
        """A deck each, of at least as many cards as they will look at, if there are so many."""

    def swipe(self, day: int, swiped: Swiped) -> None:
        """Take the swipes in."""


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """What happened on a day: who came; the cards dealt, and which of them were looked at (m,); the
    answers to likes; all swipes; matches (k, 2) of rows, the one who completed it first."""

    number: int
    visits: Visits
    cards: Cards
    seen: Bools
    swiped: Swiped
    matches: Ints


def live_days(app: App, choices: Choices, days: int) -> Iterator[Day]:
    """The days one by one, each as soon as it is over."""
    book = _Book(len(choices.crowd))
    book.know(app.likes_before(np.flatnonzero(choices.crowd.visits > 0.0)))
    for number in range(days):
        visits = choices.crowd.visiting(number)
        cards = app.decks(number, visits)
        seen = cards.place < _looks_at(choices.crowd, visits)[cards.viewer]
        looked = cards.take(seen)
        liked = choices.of_cards(looked.viewer, looked.candidate, looked.place)
        swiped = Swiped(looked.viewer, looked.candidate, liked, looked.propensity)
        app.swipe(number, swiped)
        waiting = app.likes_waiting(number, visits.person)
        matches = [book.add(swiped)]
        # On a running platform others like them, too.
        book.know(waiting)
        answers = _answers(choices, number, waiting)
        app.swipe(number, answers)
        matches.append(book.add(answers))
        yield Day(number, visits, cards, seen, _joined(swiped, answers), np.concatenate(matches))


def _answers(choices: Choices, day: int, waiting: Likes) -> Swiped:
    read, liked = choices.of_inbox(waiting.reader, waiting.sender, day)
    reader, sender = waiting.reader[read], waiting.sender[read]
    return Swiped(reader, sender, liked[read], np.full(len(reader), np.nan))


def _looks_at(crowd: Crowd, visits: Visits) -> Ints:
    cards = np.zeros(len(crowd), np.int64)
    cards[visits.person] = visits.cards
    return cards


def _joined(one: Swiped, other: Swiped) -> Swiped:
    names = Swiped.__dataclass_fields__
    return Swiped(*(np.concatenate((getattr(one, n), getattr(other, n))) for n in names))


class _Book:
    """All likes so far, to see which of the new ones meet one."""

    def __init__(self, people: int) -> None:
        self._people = people
        self._likes = np.zeros(0, np.int64)

    def know(self, likes: Likes) -> None:
        """Of likes that others may meet."""
        self._likes = with_more(self._likes, likes.sender * self._people + likes.reader)

    def add(self, swiped: Swiped) -> Ints:
        """Take likes in; matches (k, 2) that they complete, once each."""
        one, other = swiped.viewer[swiped.liked], swiped.candidate[swiped.liked]
        self.know(Likes(reader=other, sender=one))
        met = found_in(self._likes, other * self._people + one)
        pairs = np.stack((one[met], other[met]), axis=1)
        # Two who like each other in one round complete one match.
        _, first = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True)
        return np.asarray(pairs[np.sort(first)], np.int64)
