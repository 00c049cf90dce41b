"""Where tuning looks for settings of the published table's methods, and from where; what has no
range stays as in START, for ALS and the softmax smaller than what is measured."""

from collections.abc import Mapping
from typing import Final

from training.tuning import Range

_POWER: Final = Range(0.0, 0.7, even=True)

RANGES: Final[Mapping[str, Mapping[str, Range]]] = {
    "gf-cf": {"weight": Range(0.03, 3.0)},
    "gravity-spectral": {
        "user_power": _POWER,
        "item_power": _POWER,
        "item_scale": _POWER,
        "singular_power": Range(0.0, 2.0, even=True),
    },
    "gravity-als": {
        "confidence": Range(8.0, 120.0),
        "regularisation": Range(20.0, 200.0),
        "user_power": _POWER,
        "item_power": _POWER,
    },
    "gravity-softmax": {
        "temperature": Range(0.05, 0.3),
        "learning_rate": Range(0.005, 0.1),
        "negatives": Range(1024, 8192, whole=True),
    },
}

START: Final[Mapping[str, Mapping[str, float]]] = {
    "gf-cf": {"d": 256, "weight": 0.3},
    "gravity-spectral": {
        "d": 1024,
        "user_power": 0.5,
        "item_power": 0.4,
        "item_scale": 0.3,
        "singular_power": 1.0,
    },
    "gravity-als": {
        "d": 256,
        "confidence": 20.0,
        "regularisation": 60.0,
        "user_power": 0.5,
        "item_power": 0.3,
        "iterations": 8,
    },
    "gravity-softmax": {
        "d": 64,
        "temperature": 0.1,
        "learning_rate": 0.02,
        "negatives": 4096,
        "epochs": 40,
    },
}
"""The first trial: what a handful of runs by hand had shown, GF-CF's as published."""
