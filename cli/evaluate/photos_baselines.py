"""What pictures say to anybody who has not learned from likes, beside the network."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from features.photo_pixels import SIDE, Pixels
from training.photos.network import PhotoTower, in_batches
from training.photos.patches import learn_dictionary

Floats = npt.NDArray[np.float32]

_RAW: Final = 24
_BINS: Final = 4


def baselines(pixels: Pixels, known: Pixels, centres: int, seed: int) -> Mapping[str, Floats]:
    """Features (k, D) of pictures (k, SIDE, SIDE, 3), by what they are called. The network of
    random weights has as many patches, of `known` pictures as the trained one has, or of noise."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, known[:64].shape, dtype=np.uint8)
    return {
        "raw pixels": _raw(pixels),
        "colour histograms": _colours(pixels),
        "random weights": _untrained(pixels, noise, centres, rng),
        "random weights, known patches": _untrained(pixels, known, centres, rng),
    }


def _raw(pixels: Pixels) -> Floats:
    """Of 24 × 24, each the mean of what lies under it."""
    edges = np.linspace(0, SIDE, _RAW + 1).astype(np.int64)
    rows = np.add.reduceat(pixels.astype(np.float32), edges[:-1], axis=1)
    both = np.add.reduceat(rows, edges[:-1], axis=2)
    size = np.diff(edges).astype(np.float32)
    return np.asarray(both / (size[:, None] * size)[None, :, :, None], np.float32).reshape(
        len(pixels), -1
    )


def _colours(pixels: Pixels) -> Floats:
    """Shares of 4 × 4 × 4 colours in each quarter of a picture."""
    coded = (pixels // (256 // _BINS)).astype(np.int64)
    colour = (coded[..., 0] * _BINS + coded[..., 1]) * _BINS + coded[..., 2]
    half = SIDE // 2
    quarters = [colour[:, a : a + half, b : b + half] for a in (0, half) for b in (0, half)]
    return np.concatenate([_shares(each) for each in quarters], axis=1)


def _shares(colour: npt.NDArray[np.int64]) -> Floats:
    k, bins = len(colour), _BINS**3
    flat = colour.reshape(k, -1) + bins * np.arange(k)[:, None]
    counts = np.bincount(flat.ravel(), minlength=k * bins).reshape(k, bins)
    return np.asarray(counts / flat.shape[1], np.float32)


def _untrained(pixels: Pixels, patches: Pixels, centres: int, rng: np.random.Generator) -> Floats:
    """All that the network sees at every scale, none of it learned from likes."""
    torch.manual_seed(int(rng.integers(2**31)))
    tower = PhotoTower(learn_dictionary(patches, centres, rng), 1)
    tower.train()
    in_batches(tower.features, patches[:512])
    tower.eval()
    with torch.no_grad():
        tower.balance(in_batches(tower.features, patches[:512]))
    return np.asarray(in_batches(tower.features, pixels).numpy(), np.float32)
