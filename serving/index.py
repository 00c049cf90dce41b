"""Who can be in a deck: an exact search over exactly the eligible people, complete by construction.

What cannot be eligible is skipped by ranges of the table; what cannot be among the best, by bounds
of the scores. The rest goes through the one mask of eligibility, and what the overlay changed and
everybody seen are taken out before they count, so asking for as many people as there are eligible
returns all of them. Whoever likes the viewer already is worth more than the inner product knows, so
they are looked up beside it, through the same mask.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from features.eligibility import Candidates, Viewer, eligible, squared_chord
from features.release import Release
from gravity.telemetry import stage
from serving.overlay import Overlay
from serving.people import Persons
from serving.rows import among, scores_of, unseen
from serving.table import Bounded, SearchTable

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_FIRST: Final = 512
_FIRST_SHARE: Final = 6
_FURTHER: Final = 4
"""How many are looked at first, at least and for each one wanted, and how much further each time:
half as many or twice as many cost a twentieth more."""
_SAMPLED: Final = 16
"""How many lie above a bound is told by every sixteenth: nothing but speed depends on it."""


class IndexUnavailable(Exception):
    """The engine does not answer in time, or has lost what it searches."""


@dataclass(frozen=True, slots=True)
class Query:
    """One search. `vector` (2d + 3,) float32; `seen` are sorted arrays of ids to leave out;
    `likers` are sorted ids of people who are found too, if they are eligible."""

    viewer: Viewer
    today: int
    vector: Floats
    seen: tuple[Ints, ...]
    k: int
    likers: Ints = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The best people (m,), best first; `complete` if nobody but the k best is eligible. Otherwise
    likers who are not of these stand behind them, best first too."""

    persons: Persons
    scores: Floats
    complete: bool

    def without(self, likers: Ints) -> Ints:
        """Of sorted ids those who are not among them and could be eligible."""
        if self.complete or not len(likers):
            return likers[:0]
        return likers[~among(likers, np.sort(self.persons.ids))]

    def and_also(self, persons: Persons, scores: Floats) -> Self:
        """The same with likers (m,) who were not among them, and their scores (m,)."""
        order = np.lexsort((persons.ids, -scores))
        return replace(
            self,
            persons=self.persons.joined(persons.take(order)),
            scores=np.concatenate((self.scores, scores[order])),
        )


class CandidateIndex(Protocol):
    """An engine: the k best eligible people by inner product, all of them if k reaches so far; and
    every eligible liker."""

    def search(self, query: Query) -> Retrieved:
        """Search; no eligible person is left out unless k others are better.

        Blocks until it is answered. Raises `IndexUnavailable`.
        """
        ...

    async def retrieve(self, query: Query) -> Retrieved:
        """The same from an event loop, which goes on while another process is waited for."""
        ...


class ExactIndex:
    """The release's table, gathered and multiplied; with the overlay's changes applied."""

    def __init__(self, release: Release, overlay: Overlay) -> None:
        # Plain arrays: `take` on a memory map itself is slower, and so is indexing by rows.
        self._columns = np.asarray(release.arrays.columns)
        self._person_id = np.asarray(release.arrays.person_id)
        self._vectors = np.asarray(release.arrays.candidate_vectors)
        # 8 MB of a million; to work them out for those looked at took a tenth of a search.
        self._reach = squared_chord(self._columns["max_distance_km"])
        self._table = SearchTable.of(self._columns, self._vectors)
        self._overlay = overlay
        self._release = release

    def search(self, query: Query) -> Retrieved:
        """See `CandidateIndex.search`."""
        recent = self._overlay.current()
        slots = np.flatnonzero(eligible(query.viewer, recent.candidates, query.today))
        slots = unseen(slots, recent.candidates.person_id, query.seen)
        with stage("bound"):
            people = self._table.bounded(query.viewer, query.today, query.vector)
        with stage("scan"):
            old = self._best_of_release(people, query)
        scores = np.concatenate((old.scores, scores_of(recent.vectors, slots, query.vector)))
        ids = np.concatenate((self._person_id.take(old.rows), recent.candidates.person_id[slots]))
        best = _top(scores, ids, query.k)
        found = Retrieved(
            self._persons(old.rows, slots).take(best), scores[best], len(best) == len(scores)
        )
        return self._with_likers(found, slots, query)

    async def retrieve(self, query: Query) -> Retrieved:
        """At once: nothing is waited for."""
        return self.search(query)

    def _best_of_release(self, people: Bounded, query: Query) -> "_Found":
        """Everybody who can be among the k best, and one more, whoever it is, if there is one.

        From the highest bounds down: once k are found, nobody with a lower bound than the k-th's
        score can be better, and who was never looked at is left out rightly.
        """
        found, least, wanted = _Found.nobody(), -np.inf, max(_FIRST, _FIRST_SHARE * query.k)
        above = np.inf
        while above > least:
            lowest = max(least, _nth_highest(people.bounds[::_SAMPLED], wanted // _SAMPLED))
            within = (people.bounds >= lowest) & (people.bounds < above)
            found = found + self._look_at(people.rows(np.flatnonzero(within)), query)
            if len(found.scores) > query.k:
                least = _nth_highest(found.scores, query.k)
            above, wanted = lowest, wanted * _FURTHER
        return found.from_score(_nth_highest(found.scores, query.k + 1))

    def _with_likers(self, found: Retrieved, slots: Ints, query: Query) -> Retrieved:
        """Those found and every other eligible liker, of whom some have `slots` (s,)."""
        likers = found.without(query.likers)
        if not len(likers):
            return found
        recent, rows = self._overlay.current(), self._release.rows_of(likers)
        old = self._look_at(rows[rows >= 0], query)
        slots = slots[among(recent.candidates.person_id[slots], likers)]
        scores = np.concatenate((old.scores, scores_of(recent.vectors, slots, query.vector)))
        return found.and_also(self._persons(old.rows, slots), scores)

    def _look_at(self, rows: Ints, query: Query) -> "_Found":
        """Those of the rows who are eligible, alive and unseen, with their scores."""
        people = Candidates.of(self._columns.take(rows), self._reach.take(rows))
        rows = rows[eligible(query.viewer, people, query.today) & ~self._overlay.dead.take(rows)]
        rows = unseen(rows, self._person_id, query.seen)
        return _Found(rows, scores_of(self._vectors, rows, query.vector))

    def _persons(self, rows: Ints, slots: Ints) -> Persons:
        old, new = self._columns.take(rows), self._overlay.current().candidates
        return Persons(
            ids=np.concatenate((old["person_id"], new.person_id[slots])),
            rows=np.concatenate((rows, self._release.rows_of(new.person_id[slots]))),
            gender=np.concatenate((old["gender"], new.gender[slots])),
            birth_day=np.concatenate((old["birth_day"], new.birth_day[slots])),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Rows (m,) of the release and their scores (m,)."""

    rows: Ints
    scores: Floats

    @classmethod
    def nobody(cls) -> Self:
        return cls(np.empty(0, np.int64), np.empty(0, np.float32))

    def __add__(self, other: Self) -> Self:
        return type(self)(
            np.concatenate((self.rows, other.rows)), np.concatenate((self.scores, other.scores))
        )

    def from_score(self, score: float) -> Self:
        """Those with this score or a higher one."""
        high = np.flatnonzero(self.scores >= score)
        return type(self)(self.rows[high], self.scores[high])


def _nth_highest(values: Floats, n: int) -> float:
    """The n-th highest of values (m,); below all of them if there are fewer."""
    return float(np.partition(values, -n)[-n]) if n <= len(values) else -np.inf


def _top(scores: Floats, ids: Ints, k: int) -> Ints:
    """Places of the k highest of scores (n,), highest first, then by id; all of them if k >= n."""
    near = np.flatnonzero(scores >= _nth_highest(scores, k))
    return near[np.lexsort((ids[near], -scores[near]))[:k]]
