"""What somebody does with the cards and the likes before them: the market's truth, and tiredness.

Whether u likes v does not hang on when or where they meet: the noise is the pair's. On a visit
people become pickier card by card. Likes received are looked through from who appeals most
downwards, and the k-th is read with probability 1/k, as in Su, Bayoumi and Joachims (WWW 2022);
what is not read waits.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from simulator.crowd import Crowd
from simulator.hashing import Bits, mixed, pair_bits, uniforms
from simulator.tastes import Market

_FATIGUE: Final = 0.02
"""By so many logits one likes less with each card of a visit."""
_MOST_FATIGUE: Final = 1.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """The decisions of a market's people, whose habits are those of a crowd in the same order."""

    market: Market
    crowd: Crowd

    def of_cards(self, viewer: Ints, candidate: Ints, place: Ints) -> Bools:
        """Whether viewers (m,) like the candidates (m,) they look at as card number `place` (m,) of
        a visit, from 0."""
        x = self.market.logits(viewer, candidate) + self._noise(viewer, candidate)
        x -= tiredness(place)
        return np.asarray((x > 0.0) | self.crowd.bot[viewer])

    def of_inbox(self, reader: Ints, sender: Ints, day: int) -> tuple[Bools, Bools]:
        """Which of the likes (m,) that wait for readers (m,) are read, and which are returned."""
        logits = self.market.logits(reader, sender)
        order = np.lexsort((sender, -logits, reader))
        rank = np.empty(len(order), np.int64)
        rank[order] = _places_within(reader[order])
        share = uniforms(mixed(self._bits(reader, sender, 2) + np.uint64(day)))
        read = (share * (rank + 1.0) < 1.0) & ~self.crowd.bot[reader]
        return read, read & (logits + self._noise(reader, sender) > 0.0)

    def _noise(self, one: Ints, other: Ints) -> Floats:
        """Logistic (m,): of ordered pairs."""
        share = uniforms(self._bits(one, other, 1))
        return np.asarray(np.log(share / (1.0 - share)), np.float64)

    def _bits(self, one: Ints, other: Ints, purpose: int) -> Bits:
        person = self.market.person
        return pair_bits(person[one], person[other], self.market.seed + purpose)


def tiredness(place: Ints) -> Floats:
    """How many logits (m,) less one likes cards number `place` (m,) of a visit."""
    return np.asarray(np.minimum(_FATIGUE * place, _MOST_FATIGUE), np.float64)


def _places_within(group: Ints) -> Ints:
    """Of each of groups that lie together (m,): 0, 1, 2 … within its group."""
    opens = np.concatenate(([True], group[1:] != group[:-1])) if len(group) else np.zeros(0, bool)
    first = np.flatnonzero(opens)
    sizes = np.diff(np.concatenate((first, [len(group)])))
    return np.asarray(np.arange(len(group)) - np.repeat(first, sizes), np.int64)
