"""The methods of the published table, from numbers by name, as tuning draws and finds them."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

from training.factorisation.als import Als
from training.factorisation.interactions import Interactions
from training.factorisation.ranking import Score
from training.factorisation.softmax import Softmax
from training.factorisation.spectral import GraphFilter, Spectral

Settings = Mapping[str, float]


def _popularity(likes: csr_matrix, settings: Settings, seed: int) -> Score:
    liked = np.asarray(likes.sum(axis=0), np.float32)
    return lambda users: np.repeat(liked, len(users), axis=0)


def _graph_filter(likes: csr_matrix, settings: Settings, seed: int) -> Score:
    return GraphFilter.fit(likes, seed, int(settings["d"]), settings["weight"]).scores


def _spectral(likes: csr_matrix, settings: Settings, seed: int) -> Score:
    how = Spectral(
        d=int(settings["d"]),
        user_power=settings["user_power"],
        item_power=settings["item_power"],
        item_scale=settings["item_scale"],
        singular_power=settings["singular_power"],
    )
    return how.fit(Interactions.of_likes(likes), seed).scores


def _als(likes: csr_matrix, settings: Settings, seed: int) -> Score:
    how = Als(
        d=int(settings["d"]),
        confidence=settings["confidence"],
        regularisation=settings["regularisation"],
        iterations=int(settings["iterations"]),
    )
    weighed = Interactions.of_likes(likes).evened(settings["user_power"], settings["item_power"])
    return how.fit(weighed, seed).scores


def _softmax(likes: csr_matrix, settings: Settings, seed: int) -> Score:
    how = Softmax(
        d=int(settings["d"]),
        temperature=settings["temperature"],
        epochs=int(settings["epochs"]),
        negatives=int(settings["negatives"]),
        learning_rate=settings["learning_rate"],
    )
    return how.fit(Interactions.of_likes(likes), seed).scores


METHODS: Final[Mapping[str, Callable[[csr_matrix, Settings, int], Score]]] = {
    "popularity": _popularity,
    "gf-cf": _graph_filter,
    "gravity-spectral": _spectral,
    "gravity-als": _als,
    "gravity-softmax": _softmax,
}
