"""Settings of the methods of the published table: GF-CF's are those of its authors; the others are
of searches on the validation part, docs/decisions/0047, with as many factors as help."""

from collections.abc import Mapping
from typing import Final

FOUND: Final[Mapping[str, Mapping[str, float]]] = {
    "popularity": {},
    "gf-cf": {"d": 256, "weight": 0.3},
    "gravity-spectral": {
        "d": 1024,
        "user_power": 0.5,
        "item_power": 0.4,
        "item_scale": 0.3,
        "singular_power": 1.0,
    },
    "gravity-als": {
        "d": 512,
        "confidence": 20.0,
        "regularisation": 60.0,
        "user_power": 0.0,
        "item_power": 0.0,
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
