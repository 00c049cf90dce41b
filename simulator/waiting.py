"""Likes that wait for an answer, as a platform knows them: who likes one is sure to like back."""

import numpy as np
import numpy.typing as npt

from simulator.days import Swiped

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


class Waiting:
    """Among n people. A pair is reader * n + sender."""

    def __init__(self, people: int) -> None:
        self._people = people
        self._pairs = np.zeros(0, np.int64)
        self._swiped = np.zeros(0, np.int64)

    def learn(self, swiped: Swiped) -> None:
        """Likes wait, unless the reader has swiped the sender."""
        n = self._people
        self._swiped = np.union1d(self._swiped, swiped.viewer * n + swiped.candidate)
        liked = swiped.candidate[swiped.liked] * n + swiped.viewer[swiped.liked]
        pairs = np.union1d(self._pairs, liked)
        self._pairs = pairs[~np.isin(pairs, self._swiped, assume_unique=True)]

    def among(self, reader: int, candidates: Ints32) -> Bools:
        """Whose like waits for the reader of candidates (m,), ascending rows -> (m,)."""
        n = self._people
        first, last = np.searchsorted(self._pairs, (reader * n, (reader + 1) * n))
        found = np.zeros(len(candidates), bool)
        if first < last and len(candidates):
            senders = self._pairs[first:last] - reader * n
            at = np.minimum(np.searchsorted(candidates, senders), len(candidates) - 1)
            found[at[candidates[at] == senders]] = True
        return found

    def count(self, senders: Bools) -> Ints:
        """How many likes wait for each (n,), of some senders (n,)."""
        counted = self._pairs[senders[self._pairs % self._people]]
        return np.bincount(counted // self._people, minlength=self._people)
