"""Predictions for swipes that no model has seen, by several calibrations of the same factors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from features.behaviour import smoothed_rate
from training.calibration import counts_before
from training.datasets import Datasets
from training.fitting import Fitted, Learned
from training.ranker.examples import logits_of
from training.reliability.bins import tenth_of
from training.reliability.calibrations import Moment, probabilities, sigmoid
from training.snapshot import People

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

RANKER: Final = "gravity-ranker"


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """m swipes: P(like) by method, the outcome, the viewer and their gender, and whether the viewer
    is of the pickiest tenth, the candidate of the most liked, by counts from before; each (m,)."""

    p: Mapping[str, Floats]
    liked: Bools
    viewer: Ints
    gender: npt.NDArray[np.uint8]
    picky: Bools
    sought: Bools

    def parts(self) -> dict[str, Bools]:
        """The swipes (m,) by the name of their measure."""
        return {
            "ece": np.ones(len(self.liked), bool),
            "ece_of_men": self.gender == 1,
            "ece_of_women": self.gender == 2,
            "ece_of_pickiest_tenth": self.picky,
            "ece_of_most_liked_tenth": self.sought,
        }

    @classmethod
    def joined(cls, parts: Sequence["HeldOut"]) -> "HeldOut":
        """One after the other; nobody is of two parts."""
        start = np.cumsum([0] + [int(part.viewer.max(initial=0)) + 1 for part in parts])
        apart = [
            replace(part, viewer=part.viewer + before)
            for part, before in zip(parts, start[:-1], strict=True)
        ]
        return cls.of_one_people(apart)

    @classmethod
    def of_one_people(cls, parts: Sequence["HeldOut"]) -> "HeldOut":
        """One after the other; equal viewers are the same person."""
        return cls(
            p={name: np.concatenate([part.p[name] for part in parts]) for name in parts[0].p},
            liked=np.concatenate([part.liked for part in parts]),
            viewer=np.concatenate([part.viewer for part in parts]),
            gender=np.concatenate([part.gender for part in parts]),
            picky=np.concatenate([part.picky for part in parts]),
            sought=np.concatenate([part.sought for part in parts]),
        )


def held_out_days(datasets: Datasets, fitted: Fitted) -> HeldOut:
    """The evaluation days, which `fitted.held` has not seen, nor its ranker."""
    swipes = datasets.swipes.between(datasets.split.evaluate, datasets.split.end)
    held = fitted.held
    counts = counts_before(datasets, swipes)
    now = Learned(held.factors, held.rates, swipes, counts)
    found = held_out(datasets.people, fitted.learned, now, -held.fold_in.intercept)
    by_ranker = sigmoid(logits_of(fitted.ranker, held, swipes, counts))
    return replace(found, p={**found.p, RANKER: by_ranker})


def held_out(people: People, past: Learned, now: Learned, level: float) -> HeldOut:
    """Predictions for the pairs of `now` by calibrations learned from those of `past`.

    The tenths are by the counts of `now.rates`; `level` is the logit of typical pairs.
    """
    rates, pairs = now.rates, now.pairs
    likes_given, given, likes_received, received = rates.counts.T
    picky = smoothed_rate(likes_given, given, rates.given_prior).astype(np.float64)
    sought = smoothed_rate(likes_received, received, rates.received_prior).astype(np.float64)
    return HeldOut(
        p=probabilities(Moment(people, past), Moment(people, now), level),
        liked=pairs.liked,
        viewer=pairs.viewer,
        gender=people.gender[pairs.viewer],
        picky=tenth_of(picky, pairs.viewer, lowest=True),
        sought=tenth_of(sought, pairs.candidate, lowest=False),
    )
