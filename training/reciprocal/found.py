"""Settings of the methods: those of the published figures, and those of searches on the validation
part (docs/decisions/0043)."""

from collections.abc import Mapping
from typing import Final

FOUND: Final[Mapping[str, Mapping[str, float]]] = {
    "two-biases": {"rater": 6.297616, "rated": 1.05044},
    "als-published": {"d": 40, "ridge": 40.0, "rater": 5.0, "rated": 5.0},
    "als-tuned": {"d": 70, "ridge": 18.359472, "rater": 13.632569, "rated": 2.36952},
    "gravity-graded": {
        "d": 9,
        "directions": 36,
        "variance": 0.265,
        "people": 7.63,
        "rater_shape": 10.7,
        "rated_shape": 6.04,
    },
}
