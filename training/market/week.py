"""What people do in a week, as prices go by it: so long a like waits, and nobody is shown twice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
        """Cards (n,) of people who do not like the viewer yet: those who do come first."""
        return np.asarray(np.maximum(self.cards - self.waiting, 0.0), np.float32)
