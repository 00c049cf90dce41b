"""Everything that may make the decks of a simulated market, by name."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

import numpy as np

from features.prices import require_strength
from simulator.album import photos_of
from simulator.belief import Beliefs
from simulator.learned import Learned, Recipe
from simulator.policies import Newest, Policy, Popularity, Random
from simulator.town import Town
from simulator.truthful import Truthful
from training.datasets import Datasets
from training.market.inboxes import table_beside_cards
from training.market.prices import Shape

GRAVITY: Final = "gravity"
WITHOUT_PRICES: Final = "gravity without prices"
WITHOUT_EXPLORATION: Final = "gravity without exploration"
WITHOUT_PHOTOS: Final = "gravity without photos"
WITHOUT_ANSWERS: Final = "gravity without answers"
PRODUCT: Final = "product"
PRODUCT_WITH_ANSWERS: Final = "product with answers"
ONE_SIDED: Final = "one-sided"
CEILING: Final = "ceiling"
CEILING_OF_MATCHES: Final = "ceiling of matches alone"
ORACLE: Final = "oracle"
LEARNER: Final = "learner"

_WHOLE: Final = Recipe(ranker=True, prices=1.0, exploration=True, answers=True, photos=True)
_RECIPES: Final = {
    GRAVITY: _WHOLE,
    WITHOUT_PRICES: replace(_WHOLE, prices=0.0),
    WITHOUT_EXPLORATION: replace(_WHOLE, exploration=False),
    WITHOUT_PHOTOS: replace(_WHOLE, photos=False),
    WITHOUT_ANSWERS: replace(_WHOLE, answers=False),
    PRODUCT: Recipe(),
    PRODUCT_WITH_ANSWERS: Recipe(answers=True),
    ONE_SIDED: Recipe(one_sided=True),
}


def gravity_at(strength: float) -> Callable[[Town], Policy]:
    """Ours with prices that count so many times, as the operator's dial has it.

    Raises StrengthRefused.
    """
    require_strength(strength)
    return partial(_learned, replace(_WHOLE, prices=strength))


def _learned(recipe: Recipe, town: Town) -> Policy:
    datasets = _with_photos(town) if recipe.photos else town.datasets
    return Learned(datasets, town.pools, town.past, recipe, town.seed)


@lru_cache(maxsize=1)
def _with_photos(town: Town) -> Datasets:
    """Learned once for all policies of a town."""
    photos = photos_of(town.datasets, town.market.looks.drawing, town.seed)
    return replace(town.datasets, people=replace(town.datasets.people, photos=photos))


def _truthful(whole: bool, shape: Shape | None, town: Town) -> Policy:
    bots, past, seed = town.crowd.bot, town.past, town.seed
    return Truthful(town.market, town.pools, bots, past, seed, whole=whole, shape=shape)


def _learner(town: Town) -> Policy:
    table, bots = town.datasets.people.table, town.crowd.bot
    gender = table["gender"].astype(np.int64)
    beliefs = Beliefs(town.market, gender, bots, town.datasets.seen)
    return Truthful(beliefs, town.pools, bots, town.past, town.seed)


CONTENDERS: Final[dict[str, Callable[[Town], Policy]]] = {
    "random": lambda town: Random(town.seed),
    "popularity": lambda town: Popularity(town.datasets.seen, len(town)),
    "newest": lambda town: Newest(town.crowd, town.seed),
    **{name: partial(_learned, recipe) for name, recipe in _RECIPES.items()},
    CEILING: partial(_truthful, False, None),
    CEILING_OF_MATCHES: partial(_truthful, False, table_beside_cards),
    ORACLE: partial(_truthful, True, None),
    LEARNER: _learner,
}
"""Policies by name, each as new as its town. Ceiling and oracle know the truth, the learner its
form. They take the market step of a release, which shares exposure; one ceiling does not share."""
