"""What every factorisation can do."""

from typing import Protocol

from training.factorisation.interactions import Interactions
from training.factorisation.tables import Tables


class Factorisation(Protocol):
    """Learns tables from interactions. Equal interactions and seeds give equal tables."""

    def fit(self, interactions: Interactions, seed: int) -> Tables:
        """Tables of all users and items. Raises NoLikes."""
        ...

    def fold_in(self, tables: Tables, interactions: Interactions) -> Tables:
        """The same items, and the users of `interactions`, who need not be those of `fit`."""
        ...
