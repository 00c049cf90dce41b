"""How likes are read: the one on top surely, those under it less.

A like behind k others is read with probability 1 / (1 + k): examination by position, as in Su,
Bayoumi and Joachims (WWW 2022). Likes come independently, so where many people may send one the
number ahead of a like is Poisson with mean s, and it is read with

    E[1 / (1 + Poisson(s))] = (1 - exp(-s)) / s.

Somebody's attention a makes s / a of it: who reads twice as much is half as crowded.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_SMALL: Final = 1e-2
"""Below it the closed forms lose digits, and their series to the third term are exact."""


class NotADial(ValueError):
    """A dial that is negative, zero where it must not be, or no number."""


def attentions(usual: npt.ArrayLike, own_dial: npt.ArrayLike, strength: float) -> Floats:
    """How much of their likes people (n,) read, as prices take it.

    `usual` > 0 is what they do read (1: examination by position over a day's likes), `own_dial` > 0
    what each of them finds enough (2: twice the likes are no crowd), `strength` >= 0 the
    operator's: 2 prices a crowd as if it were twice as large, 0 does not price it. Raises
    `NotADial`.
    """
    of_people = np.asarray(usual, np.float64) * np.asarray(own_dial, np.float64)
    for name, dial in (("attention", usual), ("a person's own dial", own_dial)):
        if not np.all(np.isfinite(dial) & (np.asarray(dial) > 0.0)):
            raise NotADial(f"{name} must be a number above 0")
    if not (np.isfinite(strength) and strength >= 0.0):
        raise NotADial(f"the strength of prices must be 0 or more, not {strength}")
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(of_people / np.float64(strength), np.float32)


def read(ahead: npt.ArrayLike) -> Floats:
    """Chance (...) that a like is read with so many expected ahead of it (...)."""
    s = np.asarray(ahead, np.float32)
    safe = np.maximum(s, np.float32(_SMALL))
    series = 1.0 - s / 2.0 + s * s / 6.0
    return np.asarray(np.where(s < _SMALL, series, -np.expm1(-safe) / safe), np.float32)
