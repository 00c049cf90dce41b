"""The network that `gravity evaluate photos` judges: learned once from a simulated market, from
swipes on drawings of which 600 are kept back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cli.evaluate.plan import Say
from cli.evaluate.simulated import Simulated, simulate
from features.photo_network import PhotoNetwork
from features.photo_pixels import SIDE, Pixels, decode
from simulator import avatars
from simulator.looks import NOBODY
from training.coordinates import own_coordinates
from training.photos.fitting import FittedPhotos, PhotoSettings, fit_photos
from training.photos.swipes import PhotoSwipes
from training.standing import fit_standing, held_out_logits

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

KEPT_BACK = 600
"""Drawings that the network never sees."""


@dataclass(frozen=True, slots=True, eq=False)
class Swiped:
    """Swipes (m,) on drawings: rows of people and of `pixels`, whether liked, the logit by rates
    alone, and which come after the days that anything learned from."""

    viewer: Ints
    drawing: Ints
    liked: Bools
    offset: Floats
    late: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A market, the pictures (POOL, SIDE, SIDE, 3) of its drawings, which of them are new (POOL,)
    and which are drawn at all, all swipes on those, and the network of the others."""

    drawn: Simulated
    pixels: Pixels
    new: Bools
    shown: Bools
    swiped: Swiped
    how: PhotoSettings
    fitted: FittedPhotos

    def vectors(self) -> Floats:
        """What the network says of all drawings (POOL, p), as serving asks it."""
        return PhotoNetwork.of(self.fitted.onnx).embed(self.pixels)


_KEPT: dict[tuple[int, int, PhotoSettings, int], Learned] = {}


def learn(people: int, drawings: int, how: PhotoSettings, seed: int, say: Say) -> Learned:
    """`drawings` of the pool, of women and of men alike; the others are as if nobody had them. What
    was learned is kept for the next call."""
    key = (people, drawings, how, seed)
    if key not in _KEPT:
        _KEPT[key] = _learn(people, drawings, how, seed, say)
    return _KEPT[key]


def _learn(people: int, drawings: int, how: PhotoSettings, seed: int, say: Say) -> Learned:
    say(f"a market of {people} people")
    drawn = simulate(people, seed)
    chosen = _chosen(drawings)
    say(f"drawing {len(chosen)} avatars")
    pixels = np.zeros((avatars.POOL, SIDE, SIDE, 3), np.uint8)
    pixels[chosen] = [decode(avatars.png(drawing)) for drawing in chosen.tolist()]
    shown = np.isin(np.arange(avatars.POOL), chosen)
    rng = np.random.default_rng([seed, 8])
    new = np.zeros(avatars.POOL, bool)
    kept_back = min(KEPT_BACK, len(chosen) // 2)
    new[rng.permutation(chosen)[:kept_back]] = True
    swiped = _swiped(drawn, shown)
    early = ~swiped.late & ~new[swiped.drawing]
    place = np.cumsum(shown & ~new) - 1
    swipes = PhotoSwipes(
        swiped.viewer[early],
        place[swiped.drawing[early]],
        swiped.liked[early],
        swiped.offset[early],
    )
    fitted = fit_photos(pixels[shown & ~new], swipes, how, seed, say)
    return Learned(drawn, pixels, new, shown, swiped, how, fitted)


def _chosen(drawings: int) -> Ints:
    half = drawings // 2
    return np.concatenate((np.arange(half), avatars.WOMEN + np.arange(half))).astype(np.int64)


def _swiped(drawn: Simulated, shown: Bools) -> Swiped:
    datasets = drawn.datasets
    drawing = drawn.truth.looks.drawing[drawn.truth_row]
    swipes, split = datasets.swipes, datasets.split
    early = swipes.between(split.start, split.evaluate)
    standing = fit_standing(early, own_coordinates(datasets.people, early).all)
    # Of the late ones nothing is in the rates anyhow.
    x = standing.given_logit()[swipes.viewer] + standing.appeal.effect[swipes.candidate]
    offset = np.concatenate((held_out_logits(standing, early), x[len(early) :]))
    of = drawing[swipes.candidate]
    has = (of != NOBODY) & shown[of]
    late = np.arange(len(swipes)) >= len(early)
    return Swiped(
        swipes.viewer[has],
        of[has],
        swipes.liked[has],
        offset[has].astype(np.float32),
        late[has],
    )
