"""Settings of the methods of the published table: GF-CF's are those of its authors, those of the
closed form and of ALS what tuning found on the validation part (ALS's with half as many factors),
the softmax's of a few runs by hand (docs/decisions/0047)."""

from collections.abc import Mapping
from typing import Final

FOUND: Final[Mapping[str, Mapping[str, float]]] = {
    "popularity": {},
    "gf-cf": {"d": 256, "weight": 0.3},
    "gravity-spectral": {
        "d": 1024,
        "user_power": 0.262323,
        "item_power": 0.396886,
        "item_scale": 0.221794,
        "singular_power": 0.690101,
    },
    "gravity-als": {
        "d": 512,
        "confidence": 13.088963,
        "regularisation": 41.429696,
        "user_power": 0.232959,
        "item_power": 0.314616,
        "iterations": 15,
    },
    "gravity-softmax": {
        "d": 64,
        "temperature": 0.1,
        "learning_rate": 0.02,
        "negatives": 4096,
        "epochs": 300,
    },
}

SMALL: Final[Mapping[str, Mapping[str, float]]] = {
    "popularity": {},
    "gravity-spectral": {**FOUND["gravity-spectral"], "d": 64},
    "gravity-als": {**FOUND["gravity-als"], "d": 32, "iterations": 4},
    "gravity-softmax": {**FOUND["gravity-softmax"], "d": 32, "epochs": 3},
}
"""For a minute's run: the same with small tables."""
