"""What a platform knows of how others swiped somebody: likes that wait for an answer, and passes.
Who likes one is sure to like back; who has passed will not."""

import numpy as np
import numpy.typing as npt

from simulator.days import Past, Swiped
from simulator.pairs import found_in, with_more

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


class Waiting:
    """Among n people. A pair is reader * n + sender."""

    def __init__(self, people: int, past: Past = ()) -> None:
        self._people = people
        self._pairs = np.zeros(0, np.int64)
        self._swiped = np.zeros(0, np.int64)
        self._passes = np.zeros(0, np.int64)
        for _, swiped in past:
            self.learn(swiped)

    def learn(self, swiped: Swiped) -> None:
        """Likes wait, unless the reader has swiped the sender."""
        n = self._people
        fresh = swiped.viewer * n + swiped.candidate
        self._swiped = with_more(self._swiped, fresh)
        received = swiped.candidate * n + swiped.viewer
        self._passes = with_more(self._passes, received[~swiped.liked])
        liked = received[swiped.liked]
        answered = found_in(np.sort(fresh), self._pairs)
        unanswered = liked[~found_in(self._swiped, liked)]
        self._pairs = with_more(self._pairs[~answered], unanswered)

    def among(self, reader: int, candidates: Ints32) -> Bools:
        """Whose like waits for the reader of candidates (m,), ascending rows -> (m,)."""
        return _senders(self._pairs, reader, self._people, candidates)

    def passed(self, reader: int, candidates: Ints32) -> Bools:
        """Who has passed on the reader, of candidates (m,), ascending rows -> (m,)."""
        return _senders(self._passes, reader, self._people, candidates)

    def count(self, senders: Bools) -> Ints:
        """How many likes wait for each (n,), of some senders (n,)."""
        counted = self._pairs[senders[self._pairs % self._people]]
        return np.bincount(counted // self._people, minlength=self._people)


def _senders(pairs: Ints, reader: int, people: int, candidates: Ints32) -> Bools:
    """Who of candidates (m,), ascending rows, is the sender of a pair of the reader."""
    first, last = np.searchsorted(pairs, (reader * people, (reader + 1) * people))
    found = np.zeros(len(candidates), bool)
    if first < last and len(candidates):
        senders = pairs[first:last] - reader * people
        at = np.minimum(np.searchsorted(candidates, senders), len(candidates) - 1)
        found[at[candidates[at] == senders]] = True
    return found
