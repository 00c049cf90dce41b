"""The market's taste in pictures: what each viewer likes in a drawing, and what everybody does.

A viewer's taste has one number for each value of each group of attributes (hair, its colour,
glasses …). Six tenths of its variance follow a few styles that people share, so that somebody's
taste can be guessed from what others like; the rest is their own. No taste is about skin colour,
nor is anything of the common appeal.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from simulator import avatars
from simulator.avatar_parts import GROUPS, SKIN

NOBODY: Final = -1
"""In the place of a drawing: no photo."""
DEVIATION: Final = 0.8
"""Of a viewer's taste over the drawings of a gender, in logits; the mean over viewers."""

_IMPORTANCE: Final = {
    "top": 0.28,
    "hair_color": 0.22,
    "facial_hair": 0.15,
    "accessory": 0.12,
    "clothing_color": 0.08,
    "clothing": 0.06,
    "mouth": 0.05,
    "eyes": 0.01,
    "eyebrows": 0.01,
    "nose": 0.01,
    SKIN: 0.0,
    "background_color": 0.01,
}
"""Shares of the variance of a taste."""
VALUES: Final = sum(len(group.values) for group in GROUPS)
"""Of all groups: the width of a taste."""
_STYLES: Final = 4
_BY_STYLE: Final = 0.6
_CHUNK: Final = 100_000

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Looks:
    """The visual side of a market of n people.

    `drawing` (n,) int64 is each person's picture, NOBODY for none; `taste` (n, VALUES) float32
    holds logits for the values of all groups, one after the other; `centre` (n, 2) float32 is its
    mean over women's and over men's drawings, and `scale` (2,) what brings each to DEVIATION.
    """

    drawing: Ints
    taste: Floats32
    centre: Floats32
    scale: Floats

    @classmethod
    def draw(cls, drawing: Ints, random: np.random.Generator) -> Self:
        """Tastes of people whose pictures are `drawing` (n,)."""
        styles = random.standard_normal((_STYLES, VALUES), np.float32)
        bent = random.standard_normal((len(drawing), _STYLES), np.float32)
        taste = random.standard_normal((len(drawing), VALUES), np.float32)
        taste *= np.float32(np.sqrt(1.0 - _BY_STYLE))
        taste += bent @ (styles * np.float32(np.sqrt(_BY_STYLE / _STYLES)))
        taste *= _weights()
        centre = taste @ np.stack([shown.mean(axis=0) for shown in _by_gender()], axis=1)
        # The mean of the viewers' variances, without a matrix of viewers and drawings.
        spread = taste.T @ taste / np.float32(len(taste))
        variance = [np.trace(np.cov(shown.T, bias=True) @ spread) for shown in _by_gender()]
        return cls(drawing, taste, centre, DEVIATION / np.sqrt(np.array(variance, np.float64)))

    def take(self, rows: Ints) -> Self:
        """The people of some rows (m,), in that order."""
        return replace(
            self, drawing=self.drawing[rows], taste=self.taste[rows], centre=self.centre[rows]
        )

    def shown(self) -> Floats:
        """What of tastes the drawings of all people bring (n, VALUES): the logits of viewer u and
        candidate v are `taste[u] @ shown()[v]`."""
        women, men = _by_gender()
        has = np.vstack((women - women.mean(axis=0), men - men.mean(axis=0)))
        scale = self.scale[(self.drawing >= avatars.WOMEN).astype(np.int64)]
        return np.where(self.drawing[:, None] == NOBODY, 0.0, has[self.drawing] * scale[:, None])

    def logits(self, viewers: Ints, drawings: Ints) -> Floats:
        """How much more than the mean viewers (m,), rows, like drawings (m,) -> (m,); 0 for
        NOBODY."""
        x = np.zeros(len(viewers))
        for start in range(0, len(viewers), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            x[chunk] = self._logits(viewers[chunk], drawings[chunk])
        return x

    def table(self, viewers: Ints, drawings: Ints) -> Floats:
        """The same for each of viewers (m,), rows, and each of drawings (k,) -> (m, k)."""
        pairs = self.logits(np.repeat(viewers, len(drawings)), np.tile(drawings, len(viewers)))
        return pairs.reshape(len(viewers), len(drawings))

    def _logits(self, viewers: Ints, drawings: Ints) -> Floats:
        # Places in the flat array: a viewer's cards, which come together, are close to each other.
        places = _places()[drawings] + (viewers * VALUES)[:, None]
        of_men = (drawings >= avatars.WOMEN).astype(np.int64)
        raw = self.taste.reshape(-1)[places].sum(axis=1) - self.centre[viewers, of_men]
        return np.where(drawings == NOBODY, 0.0, raw * self.scale[of_men])


def common_appeal(drawing: Ints, random: np.random.Generator) -> Floats:
    """What everybody likes in pictures `drawing` (n,) -> (n,): mean 0 and deviation 1 over the
    drawings of a gender, 0 for NOBODY."""
    worth = random.standard_normal(VALUES) * _weights()
    raw = [shown @ worth for shown in _by_gender()]
    appeal = np.concatenate([(each - each.mean()) / each.std() for each in raw])
    return np.where(drawing == NOBODY, 0.0, appeal[drawing])


def _weights() -> Floats32:
    """Of each value (VALUES,)."""
    shares = [_IMPORTANCE[group.name] for group in GROUPS for _ in group.values]
    return np.sqrt(np.array(shares, np.float32))


@cache
def _places() -> Ints:
    """Where a drawing's values (POOL, len(GROUPS)) lie in a taste."""
    before = np.cumsum([0, *(len(group.values) for group in GROUPS[:-1])])
    return np.asarray(avatars.codes() + before, np.int64)


@cache
def _by_gender() -> tuple[Floats32, Floats32]:
    """Which values (WOMEN, VALUES) women's drawings have, and which (POOL - WOMEN, VALUES) men's:
    1 or 0."""
    has = np.zeros((avatars.POOL, VALUES), np.float32)
    np.put_along_axis(has, _places(), 1.0, axis=1)
    return has[: avatars.WOMEN], has[avatars.WOMEN :]
