"""What a command of `gravity evaluate` measures: measurements, each of which gives rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal


class Budget(StrEnum):
    """How long a command may take: 2, 15 or 240 minutes."""

    SMOKE = "smoke"
    STANDARD = "standard"
    FULL = "full"


MINUTES: Final = {Budget.SMOKE: 2.0, Budget.STANDARD: 15.0, Budget.FULL: 240.0}

Setting = str | int | float | bool | None

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Found:
    """One figure, with its 95% interval where there is one. `reference`: what it has to reach.

    `points` (x, y) are of the curve behind it, where a plot draws one.
    """

    task: str
    measure: str
    method: str
    value: float
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    better: Literal["higher", "lower"] = "higher"
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something that is measured in one go, and kept under its name.

    What `run` found holds while `modules` and all that they import of ours, the module of `run`,
    those `alone` without what they import, `settings`, `seed` and the files of `data` stay as they
    were. It is called with what tells the user how far it is.
    """

    name: str
    run: Callable[[Say], Sequence[Found]]
    modules: tuple[str, ...]
    alone: tuple[str, ...] = ()
    seed: int = 0
    settings: Mapping[str, Setting] = field(default_factory=dict)
    data: tuple[Path, ...] = ()

    def missing(self) -> Path | None:
        """The first file that it needs and that is not there."""
        return next((path for path in self.data if not path.exists()), None)


Plan = Callable[[Budget, Path], Sequence[Measurement]]
"""The measurements of a budget, from the folder of the data sets."""
