"""The network from photos to vectors: patches, two of torchvision's residual blocks, and a linear
map of all three of their scales.

The early, local layers say more of a drawing than the last ones do (docs/decisions). So each
scale's map is pooled to a grid, and all grids together are the features.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.photos.patches import PATCH, Dictionary, Pixels
from training.photos.vision import residual_block

_NARROW: Final = 64
_WIDE: Final = 128
_SHARES: Final = (0.6, 0.25, 0.15)
_LENGTH: Final = 0.1


class PhotoTower(nn.Module):
    """(m, side, side, 3) uint8 -> (m, width) float32; `side` is 64, in which all grids divide."""

    def __init__(self, dictionary: Dictionary, width: int) -> None:
        super().__init__()
        centres = len(dictionary.filters)
        self.stem = nn.Conv2d(3, centres, PATCH, stride=PATCH // 2)
        with torch.no_grad():
            self.stem.weight.copy_(torch.tensor(dictionary.filters))
            self.stem.bias.copy_(torch.tensor(dictionary.bias))  # type: ignore[union-attr]
        self.narrow = nn.Sequential(
            nn.Conv2d(centres, _NARROW, 1, bias=False), nn.BatchNorm2d(_NARROW)
        )
        self.first = residual_block(_NARROW, _NARROW, 1)
        self.second = residual_block(_NARROW, _WIDE, 2)
        self.counts = (centres * 49, _NARROW * 25, _WIDE * 16)
        # What features are multiplied by: see `balance`.
        self.scale = nn.Parameter(torch.ones(sum(self.counts)), requires_grad=False)
        self.centre = nn.Parameter(torch.zeros(sum(self.counts)), requires_grad=False)
        self.out = nn.Linear(sum(self.counts), width, bias=False)

    def layers(self) -> list[nn.Parameter]:
        """Of what makes the features; the last map is found in closed form."""
        parts = (self.stem, self.narrow, self.first, self.second)
        return [each for part in parts for each in part.parameters()]

    def balance(self, features: Tensor) -> None:
        """Give each scale its share of the length of features (m, D), which becomes `_LENGTH`: that
        decides how far a step moves the last map beside the layers below."""
        spread = torch.split(features.var(dim=0, unbiased=False), list(self.counts))
        parts = [
            torch.split(self.scale, list(self.counts))[i]
            * (_LENGTH * share**0.5 / float(v.sum()) ** 0.5)
            for i, (v, share) in enumerate(zip(spread, _SHARES, strict=True))
        ]
        self.scale.copy_(torch.cat(parts))

    def features(self, pixels: Tensor) -> Tensor:
        """(m, side, side, 3) uint8 -> (m, D), not centred."""
        x = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        patches = functional.relu(self.stem(x))
        first = self.first(functional.relu(self.narrow(patches)))
        second = self.second(first)
        grids = (
            functional.avg_pool2d(patches, 3, 2),
            functional.avg_pool2d(first, 3, 3),
            functional.avg_pool2d(second, 2, 2),
        )
        return torch.cat([grid.flatten(1) for grid in grids], dim=1) * self.scale

    def forward(self, pixels: Tensor) -> Tensor:
        """(m, side, side, 3) uint8 -> (m, width)"""
        embedded: Tensor = self.out(self.features(pixels) - self.centre)
        return embedded


def in_batches(of: Callable[[Tensor], Tensor], pixels: Pixels, size: int = 128) -> Tensor:
    """What a function of photos gives for all of them, without gradients."""
    with torch.no_grad():
        return torch.cat([of(each) for each in torch.split(torch.from_numpy(pixels), size)])
