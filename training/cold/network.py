"""The towers as one small network, trained against swipes with the factors; beside the closed form.

Each swipe teaches twice: the viewer's tower against the candidate's fitted appeal and rate, and the
candidate's tower against the viewer's fitted taste and rate, as if one of the two had just joined
(the idea of DropoutNet: Volkovs, Yu & Poutanen, NIPS 2017). Width and weight decay are chosen, and
training is stopped, by the loss on a tenth of the people who are held out of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from features.score import Sides
from training.datasets import Swipes
from training.model import Model
from training.one_thread import one_thread

Floats = npt.NDArray[np.float32]

_WIDTHS: Final = (32, 128)
_DECAYS: Final = (1e-2, 1e-1, 1.0)
_SETTINGS: Final[Sequence[tuple[int, float]]] = tuple(product(_WIDTHS, _DECAYS))
_STEPS: Final = 400
_EVERY: Final = 20
_PATIENCE: Final = 3
_BATCH: Final = 16_384
_RATE: Final = 3e-3
_VALIDATED: Final = 0.1
_LARGEST_LOGIT: Final = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """Of p people: taste, appeal (p, d), rates (p,) within (0, 1); float32."""

    taste: Floats
    appeal: Floats
    given_rate: Floats
    received_rate: Floats


@dataclass(frozen=True, slots=True, eq=False)
class TowerNetwork:
    """A fitted network; `loss` is what the held-out people had, `width` and `decay` were chosen."""

    net: nn.Module
    d: int
    loss: float
    width: int
    decay: float

    def expected(self, inputs: npt.NDArray[np.floating]) -> NetworkOutput:
        """Of people with inputs (p, q)."""
        with torch.no_grad():
            out = self.net(torch.from_numpy(inputs.astype(np.float32))).numpy()
        d = self.d
        rates = 1.0 / (1.0 + np.exp(-out[:, -2:].clip(-_LARGEST_LOGIT, _LARGEST_LOGIT)))
        return NetworkOutput(out[:, :d], out[:, d : 2 * d], rates[:, 0], rates[:, 1])


def fit_network(
    inputs: npt.NDArray[np.floating],
    model: Model,
    swipes: Swipes,
    seed: int,
    steps: int = _STEPS,
    settings: Sequence[tuple[int, float]] = _SETTINGS,
) -> TowerNetwork:
    """The best of the settings (width, weight decay), for people with inputs (n, q), against a
    model of them; `steps` at most of each."""
    rng = np.random.default_rng(seed)
    w_given = np.array([model.calibrations[int(g)].w_given for g in model.gender])
    held = rng.random(len(inputs)) < _VALIDATED
    taught = _Taught.of(inputs, model.sides(), w_given, swipes, held)
    with one_thread():
        fitted = [_fit(taught, width, decay, seed, steps) for width, decay in settings]
    return min(fitted, key=lambda each: each.loss)


@dataclass(frozen=True, slots=True, eq=False)
class _Taught:
    """Inputs, fitted sides, and swipes by whether the newcomer's side is held out."""

    inputs: Tensor
    sides: dict[str, Tensor]
    viewer: Tensor
    candidate: Tensor
    liked: Tensor
    held_viewer: Tensor
    held_candidate: Tensor

    @classmethod
    def of(
        cls,
        inputs: npt.NDArray[np.floating],
        sides: Sides,
        w_given: npt.NDArray[np.floating],
        swipes: Swipes,
        held: npt.NDArray[np.bool_],
    ) -> "_Taught":
        names = ("taste", "appeal", "received_logit", "k", "w_received", "offset", "given_logit")
        columns = {name: torch.from_numpy(np.array(getattr(sides, name))) for name in names}
        return cls(
            torch.from_numpy(inputs.astype(np.float32)),
            columns | {"w_given": torch.from_numpy(w_given.astype(np.float32))},
            torch.from_numpy(swipes.viewer),
            torch.from_numpy(swipes.candidate),
            torch.from_numpy(swipes.liked.astype(np.float32)),
            torch.from_numpy(held[swipes.viewer]),
            torch.from_numpy(held[swipes.candidate]),
        )

    def losses(self, out: Tensor, at: Tensor, d: int) -> tuple[Tensor, Tensor]:
        """Loss (b,) of swipes `at` (b,) with a new viewer, and with a new candidate."""
        s, u, v, liked = self.sides, self.viewer[at], self.candidate[at], self.liked[at]
        given = s["offset"][u] + s["w_given"][u] * (out[u, -2] - s["given_logit"][u])
        new_viewer = s["k"][u] * (out[u, :d] * s["appeal"][v]).sum(1) + given
        new_viewer = new_viewer + s["w_received"][u] * s["received_logit"][v]
        new_candidate = s["k"][u] * (s["taste"][u] * out[v, d : 2 * d]).sum(1) + s["offset"][u]
        new_candidate = new_candidate + s["w_received"][u] * out[v, -1]
        return (
            binary_cross_entropy_with_logits(new_viewer, liked, reduction="none"),
            binary_cross_entropy_with_logits(new_candidate, liked, reduction="none"),
        )


def _fit(taught: _Taught, width: int, decay: float, seed: int, steps: int) -> TowerNetwork:
    torch.manual_seed(seed)
    d, q = taught.sides["taste"].shape[1], taught.inputs.shape[1]
    net = nn.Sequential(nn.Linear(q, width), nn.ReLU(), nn.Linear(width, 2 * d + 2))
    optimiser = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=decay)
    draw = torch.Generator().manual_seed(seed)
    batch = min(_BATCH, len(taught.liked))
    judged = torch.nonzero(taught.held_viewer | taught.held_candidate)[:, 0]
    best, kept, worse = float("inf"), net.state_dict(), 0
    for step in range(steps):
        at = torch.randint(len(taught.liked), (batch,), generator=draw)
        by_viewer, by_candidate = taught.losses(net(taught.inputs), at, d)
        loss = _mean(by_viewer, ~taught.held_viewer[at])
        loss = loss + _mean(by_candidate, ~taught.held_candidate[at])
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        if step % _EVERY == 0:
            found = _held_out_loss(net, taught, judged, d)
            worse = 0 if found < best else worse + 1
            if found < best:
                best = found
                kept = {name: value.clone() for name, value in net.state_dict().items()}
            if worse > _PATIENCE:
                break
    net.load_state_dict(kept)
    return TowerNetwork(net, d, best, width, decay)


def _held_out_loss(net: nn.Module, taught: _Taught, at: Tensor, d: int) -> float:
    with torch.no_grad():
        by_viewer, by_candidate = taught.losses(net(taught.inputs), at, d)
        loss = _mean(by_viewer, taught.held_viewer[at])
        return float(loss + _mean(by_candidate, taught.held_candidate[at]))


def _mean(loss: Tensor, rows: Tensor) -> Tensor:
    return (loss * rows).sum() / rows.sum().clamp(min=1)
