"""The gates of a promotion: what a release must show before anybody is served by it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.release import Release

# What is wrong with retrieval costs far more; a hair below the .95 that is aimed at is chance.
_LEAST_RETRIEVAL_RECALL: Final = 0.90
_MOST_CALIBRATION_ERROR: Final = 0.05
_LEAST_SHARE_OF_PEOPLE: Final = 0.8
_MOST_AUC_LOST: Final = 0.03
PHOTO_DIRECTIONS: Final = "photo_directions"
_LEAST_PRICE: Final = "least_price"
Metrics = Mapping[str, float]


class ReleaseRejected(Exception):
    """A gate did not let the release pass; the message names each that refused and its numbers."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition and what it found."""

    name: str
    passed: bool
    found: str


def judge(metrics: Metrics, champion: Metrics | None, finite: bool) -> tuple[Gate, ...]:
    """All gates of a release by its evaluation; `champion` is that of the release served now.

    What could not be measured (NaN, on a tiny market) does not refuse; what was measured on few
    swipes is given twice its standard error.
    """
    slack = 1.0 / math.sqrt(max(1.0, metrics.get("held_out_swipes", 0.0)))
    gates = (
        Gate("finite", finite, "every number of the release"),
        _at_least("retrieval", metrics, "retrieval_recall_at_20", _LEAST_RETRIEVAL_RECALL),
        _at_least(
            "better than popularity",
            metrics,
            "auc_learned",
            metrics.get("auc_popularity", math.nan) - slack,
        ),
        _at_least(
            "no worse for its ranker",
            metrics,
            "auc_learned",
            metrics.get("auc_calibrated", math.nan) - slack,
        ),
        _at_most("calibrated", metrics, "calibration_error", _MOST_CALIBRATION_ERROR + slack),
        # Whoever is paid for being shown would be shown to everybody.
        _at_least("prices", metrics, _LEAST_PRICE, 0.0),
        *_of_photos(metrics),
    )
    return gates if champion is None else gates + _against(metrics, champion, slack)


def require_all(gates: tuple[Gate, ...]) -> None:
    """Raise ReleaseRejected unless every gate was passed."""
    refused = [f"{gate.name}: {gate.found}" for gate in gates if not gate.passed]
    if refused:
        raise ReleaseRejected("; ".join(refused))


def is_finite(release: Release) -> bool:
    """Whether every number that scores anybody is one."""
    a = release.arrays
    people = (a.taste, a.appeal, a.given_rate, a.received_rate, a.line, a.candidate_vectors)
    prices = (a.price_knots, a.price_nats)
    return all(bool(np.isfinite(array).all()) for array in (*people, *prices, a.towers, a.ranker))


def metrics_of(release: Release) -> dict[str, float]:
    """The evaluation in a release's manifest; NaN where nothing could be measured. And how many
    directions of photos it has, and its lowest price."""
    measured = {
        name: float(value) if isinstance(value, int | float) else math.nan
        for name, value in release.manifest.evaluation.items()
    }
    return measured | {
        PHOTO_DIRECTIONS: float(release.manifest.e),
        _LEAST_PRICE: float(release.arrays.price_nats.min()),
    }


def _of_photos(metrics: Metrics) -> tuple[Gate, ...]:
    """Of a release with photos: somebody else's taste in them must not tell how liked they are.
    Where that could not be audited it is not taken on trust."""
    if not metrics.get(PHOTO_DIRECTIONS):
        return ()
    name, passed = "photos tell nobody's looks", metrics.get("photo_audit_passed")
    if passed is None:
        return (Gate(name, False, "too few swipes to audit"),)
    low, high, pairs = (
        metrics.get(f"photo_audit_{of}", math.nan) for of in ("low", "high", "pairs")
    )
    found = f"correlation with how liked they are {low:+.4f} to {high:+.4f} over {pairs:,.0f} pairs"
    return (Gate(name, bool(passed), found),)


def _against(metrics: Metrics, champion: Metrics, slack: float) -> tuple[Gate, ...]:
    """It is compared with what the champion showed on its own days, hence the allowance."""
    return (
        _at_least(
            "as good as the champion",
            metrics,
            "auc_learned",
            champion.get("auc_learned", math.nan) - _MOST_AUC_LOST - slack,
        ),
        # A market does not shrink by a fifth between two releases; a lake that lost files does.
        _at_least(
            "as many people",
            metrics,
            "people",
            _LEAST_SHARE_OF_PEOPLE * champion.get("people", math.nan),
        ),
    )


def _at_least(name: str, metrics: Metrics, measure: str, least: float) -> Gate:
    value = metrics.get(measure, math.nan)
    return Gate(name, not value < least, f"{measure} {value:.4g}, at least {least:.4g}")


def _at_most(name: str, metrics: Metrics, measure: str, most: float) -> Gate:
    value = metrics.get(measure, math.nan)
    return Gate(name, not value > most, f"{measure} {value:.4g}, at most {most:.4g}")
