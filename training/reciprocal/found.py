"""Settings of the methods: those of the published figures, and those that tuning found on the
validation part (`gravity evaluate reciprocal --budget full`)."""

from collections.abc import Mapping
from typing import Final

FOUND: Final[Mapping[str, Mapping[str, float]]] = {
    "two-biases": {"rater": 6.297616, "rated": 1.05044},
    "als-published": {"d": 40, "ridge": 40.0, "rater": 5.0, "rated": 5.0},
    "als-tuned": {"d": 70, "ridge": 18.359472, "rater": 13.632569, "rated": 2.36952},
    "gravity-graded": {
        "d": 14,
        "directions": 36,
        "variance": 0.278957,
        "people": 69.006155,
        "rater_shape": 3.984726,
        "rated_shape": 14.2212,
    },
}
