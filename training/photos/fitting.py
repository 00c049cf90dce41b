"""Learning the network from swipes: photos that the same viewers like come near to each other.

It starts from the best linear map of what the network sees untrained (training.photos.spectral) and
descends from there: for photos i of a batch, the sum over all photos j of W_ij (g_i·g_j − S_ij /
W_ij)², so that g_i·g_j comes to be the covariance of what viewers see in i and j. The g_j are those
of the last time that j was in a batch. It ends with the epoch after which pairs of the photos held
out with the others were told best. Importing this imports torch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from training.one_thread import one_thread
from training.photos.export import to_onnx
from training.photos.network import PhotoTower
from training.photos.patches import Pixels, learn_dictionary
from training.photos.swipes import Floats, NothingToLearn, PhotoSwipes, pairs_of
from training.photos.trainer import Split, Trainer

__all__ = ["FittedPhotos", "NothingToLearn", "PhotoSettings", "PhotoSwipes", "fit_photos"]


@dataclass(frozen=True, slots=True)
class PhotoSettings:
    """`width` of the vectors; `centres` of patches; `ridge` of the start; of the descent its step,
    photos at a time, epochs at most, and after how many without a gain it ends. `most` photos are
    learned from, a share of them held out."""

    width: int = 256
    centres: int = 256
    ridge: float = 1.0
    learning_rate: float = 3e-4
    batch: int = 128
    epochs: int = 4
    patience: int = 2
    most: int = 6_000
    held_out: float = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class FittedPhotos:
    """The network as ONNX, vectors of `width`; `embeddings` (P, width) of the photos it learned
    from, how learning went by epoch, and figures by name."""

    onnx: bytes
    width: int
    embeddings: Floats
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)


def fit_photos(
    pixels: Pixels,
    swipes: PhotoSwipes,
    how: PhotoSettings,
    seed: int,
    say: Callable[[str], None],
) -> FittedPhotos:
    """The network for photos `pixels` (P, SIDE, SIDE, 3); some may have no swipes.

    Equal seeds give equal bytes. Raises NothingToLearn.
    """
    rng = np.random.default_rng(seed)
    pairs = pairs_of(swipes, how.most)
    say(f"learning from pairs of {len(pairs.rows):,} photos")
    with one_thread():
        generator = torch.random.get_rng_state()
        torch.manual_seed(seed)
        try:
            dictionary = learn_dictionary(pixels[pairs.rows], how.centres, rng)
            tower = PhotoTower(dictionary, how.width)
        finally:
            torch.random.set_rng_state(generator)
        trainer = Trainer(tower, pixels, Split.of(pairs, how.held_out, rng), how, rng)
        trainer.run(say)
        onnx, embeddings = to_onnx(tower, pixels.shape[1]), trainer.embeddings()
    return FittedPhotos(onnx, how.width, embeddings, trainer.curves, trainer.measures())
