"""What people do in a week, as prices go by it: so long a like waits, and nobody is shown twice."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

_TAKEN: Final = 0.5

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Week:
    """Of n people: cards (n,) >= 0 that each looks at; visits (n,) > 0, at each of which likes
    received are read; and likes that wait for each (n,)."""

    cards: Floats
    visits: Floats
    waiting: Ints

    def exposures(self) -> Floats:
        """Cards (n,) of people who do not like the viewer yet: those who do come first, where they
        are liked well enough, which is taken to be so on _TAKEN of the cards at most."""
        return np.asarray(self.cards - np.minimum(self.waiting, _TAKEN * self.cards), np.float32)
