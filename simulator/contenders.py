"""Everything that may make the decks of a simulated market, by name."""

from collections.abc import Callable
from functools import partial
from typing import Final

from simulator.learned import Learned, Recipe
from simulator.policies import Newest, Policy, Popularity, Random
from simulator.town import Town
from simulator.truthful import Truthful

GRAVITY: Final = "gravity"
WITHOUT_PRICES: Final = "gravity without prices"
WITHOUT_EXPLORATION: Final = "gravity without exploration"
PRODUCT: Final = "product"
ONE_SIDED: Final = "one-sided"
CEILING: Final = "ceiling"
ORACLE: Final = "oracle"

_RECIPES: Final = {
    GRAVITY: Recipe(ranker=True, prices=True, exploration=True, likers=True),
    WITHOUT_PRICES: Recipe(ranker=True, exploration=True, likers=True),
    WITHOUT_EXPLORATION: Recipe(ranker=True, prices=True, likers=True),
    PRODUCT: Recipe(),
    ONE_SIDED: Recipe(one_sided=True),
}


def _learned(recipe: Recipe, town: Town) -> Policy:
    return Learned(town.datasets, town.pools, recipe, town.seed)


def _truthful(whole: bool, town: Town) -> Policy:
    return Truthful(town.market, town.pools, town.crowd.bot, town.swiped, town.seed, whole=whole)


CONTENDERS: Final[dict[str, Callable[[Town], Policy]]] = {
    "random": lambda town: Random(town.seed),
    "popularity": lambda town: Popularity(town.datasets.seen, len(town)),
    "newest": lambda town: Newest(town.crowd, town.seed),
    **{name: partial(_learned, recipe) for name, recipe in _RECIPES.items()},
    CEILING: partial(_truthful, False),
    ORACLE: partial(_truthful, True),
}
"""Policies by name, each as new as its town. The last two know the truth."""
