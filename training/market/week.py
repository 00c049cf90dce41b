"""What people do in a week, as prices go by it: so long a like waits, and nobody is shown twice."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Week:
    """Of n people: cards (n,) >= 0 that each looks at, visits (n,) > 0, and likes that wait for
    each (n,)."""

    cards: Floats
    visits: Floats
    waiting: Ints

    def exposures(self) -> Floats:
        """Cards (n,) of people who do not like the viewer yet: those who do come first."""
        return np.maximum(self.cards - self.waiting, 0.0).astype(np.float32)

    def attention(self) -> Floats:
        """How much of their likes people (n,) read (training.market.reading): a visit reads some of
        the inbox, and a card shows one of those who like them."""
        return self.visits + self.cards
