"""The draw of one deck: a pure function of (viewer, deck id, release, seed)."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt

from features.plackett_luce import draw, gumbels

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Draw:
    """What names a draw; asked again with the same, it comes out the same."""

    viewer: int
    deck_id: UUID
    release: str
    seed: int

    def key(self) -> int:
        """64 bits that the noise is made from."""
        name = f"{self.viewer}\0{self.deck_id}\0{self.release}\0{self.seed}".encode()
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")


def expose(drawn: Draw, ids: Ints, scores: npt.NDArray[np.float64], tau: float) -> Ints:
    """Order (n,) of candidates `ids` (n,) with log expected matches `scores` (n,).

    The noise belongs to the candidate: another retrieved set leaves the order of those in both.
    """
    return draw(scores, tau, gumbels(drawn.key(), ids))


def seed_of(data_hash: str) -> int:
    """The seed of a release: equal in all workers and after restarts, below 2**52 for JSON."""
    return int.from_bytes(hashlib.blake2b(data_hash.encode(), digest_size=8).digest()) >> 12
