"""The market's truth: who would like whom, and how much of it anybody could learn.

The logit that u likes v is

    x(u→v) = level + readiness_u + appeal_v + taste_u · trait_v + looks_{u, photo of v}
             − nearness_u · log(1 + km_{uv}) + chemistry_{uv}

- readiness and appeal: one number a person; part of the appeal is that of the photo;
- taste · trait: a few directions. Most are observed traits (age, build, athletic body, way of life,
  height), so that likes on one class of people are informative; the last ones are hidden;
- looks: what u likes in the drawing that v shows (simulator/looks.py);
- nearness: how much u minds the way to v, beside the limit that u sets;
- chemistry: the same for both directions of a pair, a hash of the two ids, and not to be learned.

What remains is the logistic noise of the swipe. The sizes are set so that swipes have the moments
of real ratings (simulator/moments.py). Models never see any of it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.eligibility import distance_km, unit_vectors
from simulator.hashing import normals, pair_bits
from simulator.looks import Looks, common_appeal
from simulator.portraits import drawings_of
from simulator.traits import TRAITS, read_traits

TRUTH_FILE: Final = "truth.npz"

_LEVEL: Final = {1: -2.65, 2: -3.0}
"""Of the viewer's gender: men like somewhat more often than women."""
_READINESS: Final = 1.0
_APPEAL: Final = 2.9
_APPEAL_OF_TRAITS: Final = np.array([-0.25, -0.45, 0.40, 0.15, 0.25])
"""What everybody likes in the observed traits, in units of a standard deviation of appeal."""
_APPEAL_OF_LOOKS: Final = 0.25
"""And in each other's photos, in the same units."""
_CHEMISTRY: Final = 1.22
_TASTE: Final = np.array([1.05, 1.15, 0.5, 0.25, 0.2])
"""How far people differ in what they like of each observed trait (logits per deviation)."""
_LIKE_SEEKS_LIKE: Final = np.array([0.6, 0.3, 0.4, 0.4, 0.0])
"""The share of a person's taste that follows from their own trait."""
_HIDDEN_TASTE: Final = np.array([0.35, 0.25])

_NEARNESS: Final = 0.3
"""Logits that the way costs in the mean, by its logarithm: a like at 20 km is half as likely as at
1 km. People differ by a gamma distribution's shape."""
_NEARNESS_SHAPE: Final = 4.0
_USUAL_WAY: Final = 2.5
"""The log of 1 + km of a pair that may be shown: there nearness moves nobody's level."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
CHEMISTRIES: Final[tuple[tuple[float, float], ...]] = tuple(
    zip((_CHEMISTRY * _NODES).tolist(), (_WEIGHTS / _WEIGHTS.sum()).tolist(), strict=True)
)
"""A few values of it (logits) and their weights: a mean over all, by Gauss and Hermite."""

_ARRAYS: Final = ("person", "readiness", "appeal", "taste", "trait", "nearness", "home")
_LOOKS: Final = ("drawing", "taste", "centre", "scale")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Market:
    """The truth about n people, in the order of `person` (n,) int64 ascending.

    `readiness` (n,) includes the level of their gender; `appeal` (n,); `taste` (n, k) and `trait`
    (n, k); `nearness` (n,); logits all. `home` (n, 3): unit vectors. `seed` makes the chemistry.
    """

    person: Ints
    readiness: Floats
    appeal: Floats
    taste: Floats
    trait: Floats
    nearness: Floats
    home: Floats
    looks: Looks
    seed: int

    @classmethod
    def draw(cls, profiles: pa.Table, seed: int) -> Self:
        """The hidden truth behind `profiles` (schema PROFILES, ids ascending)."""
        random = np.random.default_rng([seed, 2])
        observed = read_traits(profiles)
        n = len(observed)
        hidden = random.standard_normal((n, len(_HIDDEN_TASTE)))
        trait = np.hstack([observed, hidden])
        taste = np.hstack([_tastes(observed, random), _hidden_tastes(n, random)])
        drawing = drawings_of(profiles.column("photos"))
        pictures = np.random.default_rng([seed, 5])
        seen = _appeal_seen(observed, drawing, pictures)
        rest = np.sqrt(max(0.0, 1.0 - float(np.var(seen))))
        standing = seen + rest * random.standard_normal(n)
        mood = random.standard_normal(n)
        gender = profiles.column("gender").to_numpy()
        level = np.where(gender == 1, _LEVEL[1], _LEVEL[2])
        person = profiles.column("person").to_numpy()
        minds = np.random.default_rng([seed, 6]).gamma(_NEARNESS_SHAPE, 1 / _NEARNESS_SHAPE, n)
        latitude, longitude = (profiles.column(each) for each in ("latitude", "longitude"))
        return cls(
            person=person,
            readiness=level + _READINESS * mood,
            appeal=_APPEAL * standing,
            taste=taste,
            trait=trait,
            nearness=_NEARNESS * minds,
            home=unit_vectors(latitude.to_numpy(), longitude.to_numpy()),
            looks=Looks.draw(drawing, pictures),
            seed=seed,
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The truth saved in `folder`. Raises FileNotFoundError."""
        with np.load(folder / TRUTH_FILE) as saved:
            own = {name: saved[name] for name in _ARRAYS}
            looks = Looks(**{name: saved[f"looks_{name}"] for name in _LOOKS})
            return cls(**own, looks=looks, seed=int(saved["seed"]))

    def save(self, folder: Path) -> None:
        """Write the truth into `folder`."""
        own = {name: getattr(self, name) for name in _ARRAYS}
        looks = {f"looks_{name}": getattr(self.looks, name) for name in _LOOKS}
        np.savez(folder / TRUTH_FILE, **own, **looks, seed=self.seed)

    def p_like(self, viewers: Ints, candidates: Ints) -> Floats:
        """P(viewer likes candidate | seen), ids (m,) and (m,) -> (m,). Raises KeyError."""
        return sigmoid(self.logits(self.rows_of(viewers), self.rows_of(candidates)))

    def logits(self, viewers: Ints, candidates: Ints) -> Floats:
        """x(viewer→candidate) of rows (m,) and (m,) -> (m,)."""
        x = self.readiness[viewers] + self.appeal[candidates]
        x += np.einsum("mk,mk->m", self.taste[viewers], self.trait[candidates])
        x += self.visual(viewers, candidates)
        x -= self.nearness[viewers] * self.way(viewers, candidates)
        return x + self.chemistry(viewers, candidates)

    def expected_appeal(self) -> Floats:
        """The part of appeals (n,) that everybody can see: of traits and photos."""
        pictures = np.random.default_rng([self.seed, 5])
        seen = _appeal_seen(self.trait[:, : len(TRAITS)], self.looks.drawing, pictures)
        return _APPEAL * seen

    def chemistry(self, viewers: Ints, candidates: Ints) -> Floats:
        """The part of these logits (m,) that belongs to the pair, and that nobody could learn."""
        one, other = self.person[viewers], self.person[candidates]
        bits = pair_bits(np.minimum(one, other), np.maximum(one, other), self.seed)
        return np.asarray(_CHEMISTRY * normals(bits), np.float64)

    def learnable(self, viewers: Ints, candidates: Ints) -> Floats:
        """The part of these logits (m,) that anybody could know at best: all but the chemistry."""
        return self.logits(viewers, candidates) - self.chemistry(viewers, candidates)

    def visual(self, viewers: Ints, candidates: Ints) -> Floats:
        """The part of these logits (m,) that is the viewer's taste in the candidate's photo."""
        return self.looks.logits(viewers, self.looks.drawing[candidates])

    def way(self, viewers: Ints, candidates: Ints) -> Floats:
        """Between their homes (m,): the log of 1 + km, beside the usual."""
        km = distance_km(self.home[viewers], self.home[candidates])
        return np.asarray(np.log1p(km) - _USUAL_WAY, np.float64)

    def take(self, rows: Ints) -> Self:
        """The people of some rows (m,), in that order, which need not be ascending."""
        own = {name: getattr(self, name)[rows] for name in _ARRAYS}
        return replace(self, **own, looks=self.looks.take(rows))

    def rows_of(self, people: Ints) -> Ints:
        """Rows (m,) of ids (m,). Raises KeyError for an unknown one."""
        rows = np.minimum(np.searchsorted(self.person, people), len(self.person) - 1)
        if not np.array_equal(self.person[rows], people):
            raise KeyError("somebody is not of this market")
        return rows


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + e^-x), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), np.float64)


def _appeal_seen(observed: Floats, drawing: Ints, pictures: np.random.Generator) -> Floats:
    """In deviations of appeal (n,)."""
    common = _APPEAL_OF_LOOKS * common_appeal(drawing, pictures)
    return np.asarray(observed @ _APPEAL_OF_TRAITS + common, np.float64)


def _tastes(observed: Floats, random: np.random.Generator) -> Floats:
    own = _LIKE_SEEKS_LIKE * observed
    free = np.sqrt(1.0 - _LIKE_SEEKS_LIKE**2) * random.standard_normal((len(observed), len(TRAITS)))
    return np.asarray(_TASTE * (own + free), np.float64)


def _hidden_tastes(people: int, random: np.random.Generator) -> Floats:
    return _HIDDEN_TASTE * random.standard_normal((people, len(_HIDDEN_TASTE)))
