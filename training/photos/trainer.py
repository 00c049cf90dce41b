"""The start in closed form, and the descent from there, of one network."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from training.photos.network import PhotoTower, in_batches
from training.photos.patches import Pixels
from training.photos.spectral import find_directions
from training.photos.swipes import Floats, Ints, Pairs
from training.ranker.network import Adam

if TYPE_CHECKING:
    from training.photos.fitting import PhotoSettings

_SHIFT: Final = 2
_JUDGED: Final = "explained_held_out"
_LEAST: Final = 1e-3
_ENOUGH: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Pairs, and which of their photos learn (f,) and which are held out (h,): places in them."""

    pairs: Pairs
    fit: Ints
    held_out: Ints

    @classmethod
    def of(cls, pairs: Pairs, share: float, rng: np.random.Generator) -> "Split":
        """Nobody is held out of fewer photos than would tell anything."""
        order = rng.permutation(len(pairs.rows))
        held = round(share * len(order)) if len(order) >= _ENOUGH else 0
        return cls(pairs, np.sort(order[held:]), np.sort(order[:held]))


class Trainer:
    """One network, made ready and trained by `run`."""

    def __init__(
        self,
        tower: PhotoTower,
        pixels: Pixels,
        split: Split,
        how: "PhotoSettings",
        rng: np.random.Generator,
    ) -> None:
        self._tower, self._all, self._split, self._how, self._rng = tower, pixels, split, how, rng
        pairs = split.pairs
        self._pixels = pixels[pairs.rows]
        self._product, self._weight = torch.tensor(pairs.product), torch.tensor(pairs.weight)
        among = np.ix_(split.fit, split.fit)
        self._mean_weight = float(pairs.weight[among].mean(dtype=np.float64))
        self.curves: dict[str, list[float]] = {"explained": [], _JUDGED: []}
        self._vectors = torch.zeros(len(pairs.rows), how.width)
        learned: list[Tensor] = [each for each in tower.layers() if each.requires_grad]
        self._adam = Adam(learned, how.learning_rate)

    def run(self, say: Callable[[str], None]) -> None:
        """Leaves the network at its best epoch; the start may be it."""
        self._calibrate()
        self._start()
        best, kept = self._judged(), copy.deepcopy(self._tower.state_dict())
        self._note(best, best)
        say(f"start: {best:.4f}")
        since = 0
        for epoch in range(1, self._how.epochs + 1):
            explained = self._epoch()
            reached = self._judged()
            self._note(explained, reached)
            say(f"epoch {epoch}: {explained:.4f}, of photos held out {reached:.4f}")
            since += 1
            if reached > best:
                best, kept, since = reached, copy.deepcopy(self._tower.state_dict()), 0
            if since >= self._how.patience:
                break
        self._tower.load_state_dict(kept)
        self._tower.eval()

    def embeddings(self) -> Floats:
        """(P, width) of all photos."""
        return np.asarray(in_batches(self._tower, self._all).numpy(), np.float32)

    def measures(self) -> dict[str, float]:
        """Of the network that is kept."""
        return {
            "photos": float(len(self._split.pairs.rows)),
            "explained": max(self.curves[_JUDGED]),
        }

    def _note(self, explained: float, held_out: float) -> None:
        self.curves["explained"].append(explained)
        self.curves[_JUDGED].append(held_out)

    def _calibrate(self) -> None:
        """Batch norms know their means; the scales' features weigh alike; features are centred."""
        self._tower.train()
        some = self._pixels[self._rng.permutation(len(self._pixels))[:1024]]
        for _ in range(2):
            in_batches(self._tower.features, some)
        self._tower.eval()
        self._tower.balance(in_batches(self._tower.features, some))
        features = in_batches(self._tower.features, self._pixels[self._split.fit])
        self._tower.centre.copy_(features.mean(dim=0))

    def _start(self) -> None:
        fit = self._split.fit
        features = in_batches(self._tower.features, self._pixels[fit]) - self._tower.centre
        pairs = self._split.pairs
        among = np.ix_(fit, fit)
        fitted = Pairs(pairs.rows[fit], pairs.product[among], pairs.weight[among])
        found = find_directions(features.numpy(), fitted, self._how.width, self._how.ridge)
        with torch.no_grad():
            self._tower.out.weight.copy_(torch.from_numpy(found.weights.T.copy()))
        self._refresh()
        with torch.no_grad():
            self._tower.out.weight.mul_(self._size())
        self._refresh()

    def _size(self) -> float:
        """What vectors have to be multiplied by for the pairs of those held out with the others."""
        rows = self._split.held_out if len(self._split.held_out) else self._split.fit
        at = np.ix_(rows, self._split.fit)
        kernel = self._vectors[rows] @ self._vectors[self._split.fit].T
        said = float((self._product[at] * kernel).sum())
        squared = float((self._weight[at] * kernel.square()).sum())
        return max(said / squared, _LEAST) ** 0.5 if squared > 0.0 else 1.0

    def _refresh(self) -> None:
        self._tower.eval()
        self._vectors = in_batches(self._tower, self._pixels)

    def _epoch(self) -> float:
        """One pass; the share that the descent explained of its sum, on the mean over batches."""
        fit = self._split.fit
        # Norms stay those of the start: what is trained is what is judged.
        tower = self._tower
        order = self._rng.permutation(fit)
        explained = []
        for rows in np.array_split(order, max(1, round(len(order) / self._how.batch))):
            vectors = tower(torch.from_numpy(self._moved(self._pixels[rows])))
            loss = self._loss(vectors, rows, fit)
            self._adam.step(loss)
            self._vectors[rows] = vectors.detach()
            explained.append(-float(loss.detach()))
        self._refresh()
        return float(np.mean(explained))

    def _loss(self, vectors: Tensor, rows: Ints, others: Ints) -> Tensor:
        """The weighted square of what is wrong of vectors (b, p) of `rows` beside the others', less
        that of vectors of zeros, for each pair of mean weight."""
        kernel = vectors @ self._vectors[others].T
        at = np.ix_(rows, others)
        weight, product = self._weight[at], self._product[at]
        total: Tensor = (weight * kernel.square() - 2.0 * product * kernel).sum()
        return total / (len(rows) * len(others) * self._mean_weight)

    def _moved(self, pixels: Pixels) -> Pixels:
        """Shifted by some pixels, as no two photos are framed alike."""
        down, right = self._rng.integers(-_SHIFT, _SHIFT + 1, 2).tolist()
        height, width = pixels.shape[1:3]
        rows = np.clip(np.arange(height) + down, 0, height - 1)
        columns = np.clip(np.arange(width) + right, 0, width - 1)
        return np.ascontiguousarray(pixels[:, rows][:, :, columns])

    def _judged(self) -> float:
        """Minus the loss of the photos held out beside those that learn, or of these alone."""
        rows = self._split.held_out if len(self._split.held_out) else self._split.fit
        return -float(self._loss(self._vectors[rows], rows, self._split.fit))
