"""Factorisation by a sampled softmax over cosines: each like against items drawn at random.

    loss = mean over likes (u, i) of log(1 + sum_j exp((cos(u, j) - cos(u, i)) / temperature))

Wu et al., On the Effectiveness of Sampled Softmax Loss for Item Recommendation, TOIS 2024; the
cosine and many negatives as in SimpleX (Mao et al., CIKM 2021). A batch is of users, not of likes:
all of a user's likes share one row of products with the negatives, which is what makes it quick.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix
from torch.nn.functional import normalize, softplus

from training.factorisation.interactions import Interactions, NoLikes
from training.factorisation.tables import Tables

Ints = npt.NDArray[np.int64]

_SPREAD: Final = 0.1
_FOLD_IN_EPOCHS: Final = 30


@dataclass(frozen=True, slots=True)
class Softmax:
    """A trainer by Adam, whose rate falls to nothing over the second half of the epochs."""

    d: int = 64
    temperature: float = 0.1
    epochs: int = 200
    users_a_batch: int = 2048
    negatives: int = 4096
    learning_rate: float = 0.02

    def fit(self, interactions: Interactions, seed: int) -> Tables:
        """Vectors of length 1 of all users and items; zeros for who likes nothing.

        Passes are not used. Raises NoLikes.
        """
        if not interactions.liked.any():
            raise NoLikes
        rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        user, item = (
            (torch.randn(count, self.d, generator=generator) * _SPREAD).requires_grad_()
            for count in (interactions.users, interactions.items)
        )
        likes = interactions.likes()
        self._descend(likes, user, item, (user, item), self.epochs, rng)
        tables = _unit_tables(user, item)
        tables.user[np.diff(likes.indptr) == 0] = 0.0
        return tables

    def fold_in(self, tables: Tables, interactions: Interactions) -> Tables:
        """Users' vectors by the same descent, items held, from the mean of what they like."""
        likes, rng = interactions.likes(), np.random.default_rng(0)
        start = torch.from_numpy(np.asarray(likes @ tables.item, np.float32))
        user, item = start.requires_grad_(), torch.from_numpy(tables.item)
        if likes.nnz:
            self._descend(likes, user, item, (user,), _FOLD_IN_EPOCHS, rng)
        return _unit_tables(user, item)

    def _descend(
        self,
        likes: csr_matrix,
        user: torch.Tensor,
        item: torch.Tensor,
        learned: tuple[torch.Tensor, ...],
        epochs: int,
        rng: np.random.Generator,
    ) -> None:
        optimiser = torch.optim.Adam(learned, self.learning_rate)
        for epoch in range(epochs):
            rate = self.learning_rate * min(1.0, 2.0 * (1.0 - epoch / epochs))
            optimiser.param_groups[0]["lr"] = rate
            for users in self._batches(likes, rng):
                drawn = rng.choice(len(item), min(self.negatives, len(item)), replace=False)
                optimiser.zero_grad()
                loss = self.loss(likes, user, item, users, drawn.astype(np.int64))
                torch.autograd.backward(loss)
                optimiser.step()

    def _batches(self, likes: csr_matrix, rng: np.random.Generator) -> Iterator[Ints]:
        users = rng.permutation(np.flatnonzero(np.diff(likes.indptr)))
        for start in range(0, len(users), self.users_a_batch):
            yield users[start : start + self.users_a_batch]

    def loss(
        self, likes: csr_matrix, user: torch.Tensor, item: torch.Tensor, users: Ints, drawn: Ints
    ) -> torch.Tensor:
        """Of the likes of `users` (b,), against the items `drawn` (s,); a number."""
        own = likes[users]
        row = torch.from_numpy(np.repeat(np.arange(len(users)), np.diff(own.indptr)))
        liked = torch.from_numpy(own.indices.astype(np.int64))
        vectors = normalize(user[users]) / self.temperature
        against = torch.logsumexp(vectors @ normalize(item[drawn]).T, dim=1)
        towards = (vectors[row] * normalize(item[liked])).sum(dim=1)
        return softplus(against[row] - towards).mean()


def _unit_tables(user: torch.Tensor, item: torch.Tensor) -> Tables:
    return Tables.unbiased(normalize(user.detach()).numpy(), normalize(item.detach()).numpy())
