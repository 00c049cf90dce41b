"""How well an order over all items finds the ones held out, as the published tables measure it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

Score = Callable[[Ints], Floats]
"""Users (b,) to their scores (b, m) of all items, which may be changed in place."""

_BLOCK: Final = 1024
TOP: Final = 20


class NothingHeldOut(ValueError):
    """Nobody has an item held out, so there is nothing to judge by."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """recall and ndcg at 20 (n,) of the users who have held-out items."""

    recall: npt.NDArray[np.float64]
    ndcg: npt.NDArray[np.float64]


def judge(
    score: Score,
    known: csr_matrix,
    held_out: csr_matrix,
    most_users: int | None = None,
) -> Ranked:
    """Recall@20 (found of all held out) and NDCG@20 of each user, known items left out.

    known, held_out: (n, m). As LightGCN's evaluation: the ideal list has min(20, held out) hits.
    `most_users`: of so many evenly spaced users instead of all. Raises NothingHeldOut.
    """
    users = np.flatnonzero(np.diff(held_out.indptr))
    if not len(users):
        raise NothingHeldOut
    if most_users is not None and most_users < len(users):
        users = users[np.linspace(0, len(users) - 1, most_users).astype(np.int64)]
    blocks = [
        _judge_block(score, known, held_out, users[start : start + _BLOCK])
        for start in range(0, len(users), _BLOCK)
    ]
    return Ranked(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _judge_block(
    score: Score, known: csr_matrix, held_out: csr_matrix, users: Ints
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    scores = score(users)
    row, column = known[users].nonzero()
    scores[row, column] = -np.inf
    best = top(scores, TOP)
    wanted = held_out[users]
    is_wanted = np.zeros(scores.shape, bool)
    is_wanted[wanted.nonzero()] = True
    hit = np.take_along_axis(is_wanted, best, axis=1)
    discount = 1.0 / np.log2(np.arange(TOP) + 2.0)
    count = np.diff(wanted.indptr)
    ideal = np.cumsum(discount)[np.minimum(count, TOP) - 1]
    return hit.sum(axis=1) / count, hit @ discount / ideal


def top(scores: Floats, size: int) -> Ints:
    """Columns (b, size) of the highest scores (b, m), the highest first."""
    return np.asarray(torch.topk(torch.from_numpy(scores), size, dim=1).indices.numpy(), np.int64)
