"""The ranker without torch: what it reads of a pair, and what its network says of it.

The network starts from the calibrated logit and adds a correction to it,

    logit P(u likes v) = x(u->v) + bias + linear.z + out.relu(hidden z + hidden_bias),

with z the standardised inputs. All zero, it is the calibration itself, so it can only learn what
that leaves. What photos add, both ways, are the last two of them, which no hidden unit reads; what
the units do read of photos is what the calibrated logits hold. Both heads are the same question,
asked from either side: they share the weights.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.likers import BEHIND
from features.prices import Prices
from features.score import Sides, like_logits, log_sigmoid

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

CORE_NAMES: Final = (
    "logit_viewer_likes_candidate",
    "logit_candidate_likes_viewer",
    "logit_viewer_given_rate",
    "logit_viewer_received_rate",
    "logit_candidate_given_rate",
    "logit_candidate_received_rate",
)
"""The logits of a pair in the order of their columns; what serving logs of every card."""
CORE: Final = len(CORE_NAMES)
PHOTO_INPUTS: Final = 2
"""What the chooser's taste in photos makes of the chosen's, and the reverse, as logits."""
_REACH: Final = np.float32(4.0)
_FROM_THE_OTHER_SIDE: Final = np.array([1, 0, 4, 5, 2, 3])


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Weights for w inputs and h hidden units, float32: mean, scale, linear (w,); hidden (w, h);
    hidden_bias, out (h,). Several members side by side are one network with more hidden units.
    `e`: so many of the factors, the last ones, are of photos."""

    mean: Floats
    scale: Floats
    linear: Floats
    hidden: Floats
    hidden_bias: Floats
    out: Floats
    bias: float
    e: int = 0

    @classmethod
    def nothing(cls, width: int, e: int = 0) -> Self:
        """The network that corrects nothing."""
        zeros, none = np.zeros(width, np.float32), np.zeros(0, np.float32)
        ones = np.ones(width, np.float32)
        return cls(zeros, ones, zeros, np.zeros((width, 0), np.float32), none, none, 0.0, e)

    @property
    def corrects(self) -> bool:
        """Whether it has anything to say."""
        return bool(self.linear.any() or self.out.any() or self.bias)

    def logits(self, inputs: Floats, base: Floats) -> Floats:
        """Logits (m,) of inputs (m, w) and base logits (m,). What is NaN counts as the mean."""
        z = inputs - self.mean
        z /= self.scale
        np.clip(z, -_REACH, _REACH, out=z)
        z[np.isnan(z)] = 0.0
        units = z @ self.hidden
        units += self.hidden_bias
        np.maximum(units, 0.0, out=units)
        logits = z @ self.linear
        logits += units @ self.out
        logits += np.where(np.isnan(base), self.mean[0], base) + np.float32(self.bias)
        return np.asarray(logits, np.float32)

    def packed(self) -> Floats:
        """All of it as one array (w + 2, h + 3), as a release keeps it."""
        width, units = self.hidden.shape
        packed = np.zeros((width + 2, units + 3), np.float32)
        packed[:width, 0], packed[:width, 1], packed[:width, 2] = self.mean, self.scale, self.linear
        packed[:width, 3:], packed[width, 3:], packed[width + 1, 3:] = (
            self.hidden,
            self.hidden_bias,
            self.out,
        )
        packed[width, :2] = self.bias, self.e
        return packed

    @classmethod
    def unpacked(cls, packed: Floats) -> Self:
        """The network of `packed`, as arrays of their own: products want them in one piece."""
        rows = packed[:-2]
        return cls(
            mean=rows[:, 0].copy(),
            scale=rows[:, 1].copy(),
            linear=rows[:, 2].copy(),
            hidden=rows[:, 3:].copy(),
            hidden_bias=packed[-2, 3:].copy(),
            out=packed[-1, 3:].copy(),
            bias=float(packed[-2, 0]),
            e=int(packed[-2, 1]),
        )


def width_of(d: int, e: int = 0) -> int:
    """How many inputs a pair has with d factors, and e more of photos."""
    return CORE + 2 + d + (PHOTO_INPUTS if e else 0)


def packed_shape(d: int, e: int, packed: npt.NDArray[np.generic]) -> tuple[int, int]:
    """What the shape of a packed network over so many factors should be, with as many hidden
    units."""
    return width_of(d, e) + 2, max(3, packed.shape[-1] if packed.ndim else 0)


def core_logits(chooser: Sides, chosen: Sides) -> Floats:
    """The logits (m, CORE) of pairs; one side may have length 1."""
    columns = (
        like_logits(chooser, chosen),
        like_logits(chosen, chooser),
        chooser.given_logit,
        chooser.received_logit,
        chosen.given_logit,
        chosen.received_logit,
    )
    core = np.empty((len(columns[0]), CORE), np.float32)
    for i, column in enumerate(columns):
        core[:, i] = column
    return core


def other_side(core: Floats) -> Floats:
    """The logits (m, CORE) of the same pairs as the chosen sees them."""
    return core[:, _FROM_THE_OTHER_SIDE]


def pair_inputs(chooser: Sides, chosen: Sides, core: Floats, e: int = 0) -> Floats:
    """Inputs (m, width_of(d, e)) of factors of which the last e are of photos: the logits; how
    alike the two are as choosers and as chosen; the score direction by direction, which the
    calibration weighs all alike; and what photos add there and back."""
    d = chooser.taste.shape[1] - e
    inputs = np.empty((len(core), width_of(d, e)), np.float32)
    inputs[:, :CORE] = core
    inputs[:, CORE] = np.vecdot(chooser.taste[:, :d], chosen.taste[:, :d])
    inputs[:, CORE + 1] = np.vecdot(chooser.appeal[:, :d], chosen.appeal[:, :d])
    scores = inputs[:, CORE + 2 : CORE + 2 + d]
    np.multiply(chooser.k[:, None] * chooser.taste[:, :d], chosen.appeal[:, :d], out=scores)
    if e:
        inputs[:, -2] = photo_logits(chooser, chosen, e)
        inputs[:, -1] = photo_logits(chosen, chooser, e)
    return inputs


def photo_logits(chooser: Sides, chosen: Sides, e: int) -> Floats:
    """What the choosers' taste in photos adds to the logits (m,) of pairs, in factors of which the
    last e are of photos; one side may have length 1."""
    d = chooser.taste.shape[1] - e
    score = np.vecdot(chooser.taste[:, d:], chosen.appeal[:, d:])
    return np.asarray(chooser.k * score, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """Logits (m,) of both heads: the viewer likes the candidate; the candidate likes the viewer."""

    there: Floats
    back: Floats

    def log_match(self) -> Floats:
        """Log of the expected match (m,)."""
        return np.asarray(log_sigmoid(self.there) + log_sigmoid(self.back), np.float32)

    def priced(
        self, prices: Prices, sure: Bools | None = None, passed: Bools | None = None
    ) -> Floats:
        """That less the price of the candidate (m,): what orders a deck.

        Of who is `sure` (m,) to like back (`features.likers`), if anybody, only the viewer's side
        is open. They cost nothing: a match takes place at once, and no like is sent. Who has
        `passed` (m,) on the viewer comes last.
        """
        score = self.log_match() - prices.at(self.back)
        if sure is not None:
            score[sure] = log_sigmoid(self.there[sure])
        if passed is not None:
            score[passed] -= np.float32(BEHIND)
        return score


def heads_of(network: Network, viewers: Sides, candidates: Sides) -> Heads:
    """Both heads for pairs; one side may have length 1."""
    return heads_of_core(network, viewers, candidates, core_logits(viewers, candidates))


def heads_of_core(network: Network, viewers: Sides, candidates: Sides, core: Floats) -> Heads:
    """The same where the logits (m, CORE) are there already."""
    if not network.corrects:
        return Heads(*np.nan_to_num(core[:, :2], nan=float(network.mean[0])).T)
    m = len(core)
    inputs = np.concatenate(
        (
            pair_inputs(viewers, candidates, core, network.e),
            pair_inputs(candidates, viewers, other_side(core), network.e),
        )
    )
    # One pass for both: half the calls.
    both = network.logits(inputs, np.concatenate((core[:, 0], core[:, 1])))
    return Heads(both[:m], both[m:])
