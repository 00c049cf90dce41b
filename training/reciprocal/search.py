"""Where tuning looks for settings, and from where; by the names of training.reciprocal.methods."""

from collections.abc import Mapping
from typing import Final

from training.tuning import Range

_SHRINKAGES: Final = {"rater": Range(0.3, 30.0), "rated": Range(0.3, 30.0)}

RANGES: Final[Mapping[str, Mapping[str, Range]]] = {
    "two-biases": _SHRINKAGES,
    "als-tuned": {"d": Range(5, 80, whole=True), "ridge": Range(5.0, 80.0), **_SHRINKAGES},
    "gravity-graded": {
        "d": Range(4, 16, whole=True),
        "directions": Range(4, 40, whole=True),
        "variance": Range(0.01, 0.3),
        "people": Range(1.0, 200.0),
        "rater_shape": Range(1.0, 20.0),
        "rated_shape": Range(1.0, 30.0),
    },
}

START: Final[Mapping[str, Mapping[str, float]]] = {
    "two-biases": {"rater": 5.0, "rated": 2.0},
    "als-tuned": {"d": 40, "ridge": 20.0, "rater": 5.0, "rated": 2.0},
    "gravity-graded": {
        "d": 8,
        "directions": 15,
        "variance": 0.05,
        "people": 50.0,
        "rater_shape": 3.0,
        "rated_shape": 10.0,
    },
}
"""The first trial."""
