"""Logistic factorisation of likes and passes, with a bias for each side.

    P(u likes i) = s(level + user_bias_u + item_bias_i + user_u . item_i)

over answered pairs alone, with normal priors on biases and vectors: the biases hold how readily
somebody likes and how liked somebody is, so the vectors are left with taste. Johnson, Logistic
Matrix Factorization for Implicit Feedback Data, NeurIPS workshop 2014, without its unknown pairs.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import softplus

from training.factorisation.interactions import Interactions, NoLikes
from training.factorisation.tables import Tables

Floats = npt.NDArray[np.float32]

_NEWTON_STEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Logistic:
    """A trainer by full-batch Adam; variances are those of the priors, on the logit scale.

    A vector's variance is that of each of its d components.
    """

    d: int = 16
    bias_variance: float = 1.0
    vector_variance: float = 0.1
    steps: int = 200
    learning_rate: float = 0.05

    def fit(self, interactions: Interactions, seed: int) -> Tables:
        """Vectors and biases of all. Raises NoLikes."""
        if not interactions.liked.any():
            raise NoLikes
        generator = torch.Generator().manual_seed(seed)
        parts = [
            torch.randn(count, self.d, generator=generator) * (0.1 / self.d**0.5)
            for count in (interactions.users, interactions.items)
        ]
        biases = [torch.zeros(count) for count in (interactions.users, interactions.items)]
        parameters = [each.requires_grad_() for each in (*parts, *biases, _level(interactions))]
        data = _Answers.of(interactions)
        optimiser = torch.optim.Adam(parameters, self.learning_rate, betas=(0.9, 0.99))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.learning_rate, total_steps=self.steps
        )
        for _ in range(self.steps):
            optimiser.zero_grad()
            torch.autograd.backward(self.loss(data, *parameters))
            optimiser.step()
            schedule.step()
        user, item, user_bias, item_bias, level = (each.detach().numpy() for each in parameters)
        return Tables(user, item, user_bias, item_bias, float(level))

    def loss(
        self,
        data: "_Answers",
        user: torch.Tensor,
        item: torch.Tensor,
        user_bias: torch.Tensor,
        item_bias: torch.Tensor,
        level: torch.Tensor,
    ) -> torch.Tensor:
        """Negative log posterior, for each answer."""
        products = (user[data.user] * item[data.item]).sum(dim=1)
        x = level + user_bias[data.user] + item_bias[data.item] + products
        # -log s(x) of a like, -log s(-x) of a pass
        surprise = (data.weight * softplus(-data.sign * x)).sum()
        vectors = (user.square().sum() + item.square().sum()) / self.vector_variance
        biases = (user_bias.square().sum() + item_bias.square().sum()) / self.bias_variance
        return (surprise + 0.5 * (vectors + biases)) / len(data.sign)

    def fold_in(self, tables: Tables, interactions: Interactions) -> Tables:
        """Users' vectors and biases by Newton's method, items held: their part of the optimum."""
        design = np.column_stack((tables.item, np.ones(len(tables.item)))).astype(np.float64)
        prior = np.append(np.full(self.d, 1.0 / self.vector_variance), 1.0 / self.bias_variance)
        found = np.zeros((interactions.users, self.d + 1))
        order = np.argsort(interactions.user, kind="stable")
        ends = np.cumsum(np.bincount(interactions.user, minlength=interactions.users))
        for user, rows in enumerate(np.split(order, ends[:-1])):
            items = interactions.item[rows]
            found[user] = _newton(
                design[items],
                np.where(interactions.liked[rows], 1.0, -1.0),
                interactions.weight[rows].astype(np.float64),
                (tables.item_bias[items] + tables.level).astype(np.float64),
                prior,
            )
        vectors, biases = found[:, :-1].astype(np.float32), found[:, -1].astype(np.float32)
        return replace(tables, user=vectors, user_bias=biases)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """k answers as tensors: user, item (k,) int64; sign, 1 of a like and -1 of a pass; weight."""

    user: torch.Tensor
    item: torch.Tensor
    sign: torch.Tensor
    weight: torch.Tensor

    @classmethod
    def of(cls, interactions: Interactions) -> "_Answers":
        sign = np.where(interactions.liked, 1.0, -1.0).astype(np.float32)
        columns = (interactions.user, interactions.item, sign, interactions.weight)
        return cls(*(torch.from_numpy(np.ascontiguousarray(column)) for column in columns))


def _level(interactions: Interactions) -> torch.Tensor:
    likes = float(np.average(interactions.liked, weights=interactions.weight))
    share = min(max(likes, 1e-3), 1.0 - 1e-3)
    return torch.tensor(np.log(share / (1.0 - share)), dtype=torch.float32)


def _newton(
    design: npt.NDArray[np.float64],
    sign: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
    prior: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """The mode (q,) of a logistic regression on design (k, q) around 0, precision prior (q,)."""
    w = np.zeros(len(prior))
    for _ in range(_NEWTON_STEPS):
        p = 0.5 * (1.0 + np.tanh(0.5 * sign * (design @ w + offset)))
        gradient = design.T @ (weight * sign * (1.0 - p)) - prior * w
        information = (design.T * (weight * p * (1.0 - p))) @ design + np.diag(prior)
        w = w + np.linalg.solve(information, gradient)
    return w
