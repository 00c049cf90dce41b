"""Settings that `gravity evaluate reciprocal --budget full` found, by contender."""

from collections.abc import Mapping
from typing import Final

FOUND: Final[Mapping[str, Mapping[str, float]]] = {
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
