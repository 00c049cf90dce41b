"""Fitting the ranker's network in torch; what comes out needs no torch (features.ranker).

Several members are fitted at once and averaged, which with one hidden layer is one wider network.
The penalties are a normal prior: `l2` is how much a weight's square costs beside the sum of log
losses. Importing this imports torch, which takes seconds: for training and evaluation alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.adam import adam

from features.ranker import PHOTO_INPUTS, Network
from training.one_thread import one_thread
from training.ranker.examples import Examples

Floats = npt.NDArray[np.float32]

_REACH = 4.0


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """`hidden` units of each of `members`; the prior on the linear part and on the hidden one;
    epochs at most, and after how many without a gain on later examples it ends."""

    members: int = 4
    hidden: int = 8
    linear_l2: float = 1000.0
    hidden_l2: float = 100.0
    learning_rate: float = 0.001
    batch: int = 1024
    epochs: int = 40
    patience: int = 4


@dataclass(frozen=True, slots=True, eq=False)
class Stopped:
    """The network of the best epoch (0: before any), and its log loss on the later examples."""

    network: Network
    epochs: int
    log_loss: float


def fit_epochs(
    examples: Examples, how: NetworkSettings, seed: int, reach: Floats | None = None
) -> Network:
    """The network after all epochs of `how`. `reach` (w,): how far each input's weight may be
    expected to go beside others."""
    with one_thread():
        trainer = _Trainer(examples, how, seed, reach)
        for _ in range(how.epochs):
            trainer.epoch()
        return trainer.network()


def fit_until(examples: Examples, later: Examples, how: NetworkSettings, seed: int) -> Stopped:
    """The network of the epoch that is best on later examples; where none is better than the base
    logits, the one that corrects nothing."""
    network = Network.nothing(examples.inputs.shape[1], examples.e)
    best = Stopped(network, 0, log_loss(network, later))
    with one_thread():
        trainer = _Trainer(examples, how, seed, None)
        for epoch in range(1, how.epochs + 1):
            trainer.epoch()
            network = trainer.network()
            loss = log_loss(network, later)
            if loss < best.log_loss:
                best = Stopped(network, epoch, loss)
            elif epoch - best.epochs >= how.patience:
                break
    return best


def log_loss(network: Network, examples: Examples) -> float:
    """Mean log loss of examples, by their weights."""
    x = network.logits(examples.inputs, examples.base).astype(np.float64)
    losses = np.logaddexp(0.0, x) - x * examples.liked
    return float(np.average(losses, weights=examples.weight))


class Adam:
    """torch's own Adam, without the class around it: that imports torch's compiler, which takes as
    long as torch itself and leaves a folder in the temporary one."""

    def __init__(self, weights: list[Tensor], rate: float) -> None:
        self._weights, self._rate = weights, rate
        self._means = [torch.zeros_like(each) for each in weights]
        self._squares = [torch.zeros_like(each) for each in weights]
        self._steps = [torch.tensor(0.0) for _ in weights]

    def step(self, loss: Tensor) -> None:
        """One step down the loss."""
        gradients = list(torch.autograd.grad(loss, self._weights))
        with torch.no_grad():
            adam(
                self._weights,
                gradients,
                self._means,
                self._squares,
                [],
                self._steps,
                foreach=False,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=self._rate,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )


class _Trainer:
    """Parameters of all members, and one pass at a time over the examples."""

    def __init__(
        self, examples: Examples, how: NetworkSettings, seed: int, reach: Floats | None
    ) -> None:
        inputs = examples.inputs.astype(np.float64)
        known = np.isfinite(inputs)
        count = np.maximum(known.sum(axis=0), 1)
        self._mean = np.where(known, inputs, 0.0).sum(axis=0) / count
        spread = np.where(known, inputs - self._mean, 0.0)
        # A column that never varies says nothing, whatever it will hold.
        deviation = np.sqrt((spread**2).sum(axis=0) / count)
        self._scale = np.where(deviation > 1e-6, deviation, 1e6) / (1.0 if reach is None else reach)
        z = np.clip(spread / self._scale, -_REACH, _REACH)
        self._z = torch.tensor(z, dtype=torch.float32)
        base = np.where(np.isnan(examples.base), self._mean[0], examples.base)
        self._base = torch.tensor(base, dtype=torch.float32)
        self._liked = torch.tensor(examples.liked, dtype=torch.float32)
        self._weight = torch.tensor(examples.weight, dtype=torch.float32)
        self._how, self._random = how, torch.Generator().manual_seed(seed)
        self._e = examples.e
        width, shape = z.shape[1], (how.members, z.shape[1], how.hidden)
        hidden = torch.randn(shape, generator=self._random) / max(1, width) ** 0.5
        self._hidden = hidden.requires_grad_()
        # No hidden unit reads what photos add: see features.ranker.
        self._read = torch.ones(width, 1)
        self._read[width - (PHOTO_INPUTS if self._e else 0) :] = 0.0
        self._hidden_bias = torch.zeros(how.members, 1, how.hidden, requires_grad=True)
        # Zero, so that it starts as exactly the base logits.
        self._out = torch.zeros(how.members, how.hidden, 1, requires_grad=True)
        self._linear = torch.zeros(how.members, width, 1, requires_grad=True)
        self._bias = torch.zeros(how.members, 1, requires_grad=True)
        weights = [self._hidden, self._hidden_bias, self._out, self._linear, self._bias]
        self._descent = Adam(weights, how.learning_rate)

    def epoch(self) -> None:
        """One pass in random batches of equal size."""
        order = torch.randperm(len(self._z), generator=self._random)
        # Of one size: a last batch of a few would move the weights as far as one of thousands.
        for rows in torch.tensor_split(order, max(1, round(len(order) / self._how.batch))):
            self._descent.step(self._loss(rows))

    def _loss(self, rows: Tensor) -> Tensor:
        logits = self._base[rows] + self._correction(self._z[rows])
        liked = self._liked[rows].expand_as(logits)
        losses = functional.binary_cross_entropy_with_logits(logits, liked, reduction="none")
        weight = self._weight[rows]
        mean: Tensor = (losses * weight).sum() / weight.sum()
        how = self._how
        penalty: Tensor = how.linear_l2 * self._linear.square().sum()
        penalty = penalty + how.hidden_l2 * self._hidden.square().sum()
        penalty = penalty + how.hidden_l2 * self._out.square().sum()
        return mean + penalty / (2.0 * self._weight.sum())

    def _correction(self, z: Tensor) -> Tensor:
        """(members, m)"""
        units = torch.relu(z @ (self._read * self._hidden) + self._hidden_bias)
        return (z @ self._linear + units @ self._out).squeeze(-1) + self._bias

    def network(self) -> Network:
        """The mean of the members as one network."""
        members, width, units = self._hidden.shape

        read = self._read * self._hidden

        def array(values: Tensor) -> Floats:
            return np.asarray(values.detach().numpy(), np.float32).copy()

        return Network(
            mean=self._mean.astype(np.float32),
            scale=self._scale.astype(np.float32),
            linear=array(self._linear.mean(dim=0).squeeze(-1)),
            hidden=array(read.permute(1, 0, 2).reshape(width, members * units)),
            hidden_bias=array(self._hidden_bias.reshape(-1)),
            out=array(self._out.reshape(-1) / members),
            bias=float(self._bias.detach().mean()),
            e=self._e,
        )
