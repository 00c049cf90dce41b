"""What a network says of the photos that people show, learned from the swipes of the month before,
as a platform learns it."""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from features.photo_pixels import Pixels, decode
from simulator import avatars
from training.coordinates import own_coordinates
from training.datasets import Datasets
from training.photos.fitting import PhotoSettings, PhotoSwipes, fit_photos
from training.snapshot import Photos
from training.standing import fit_standing, held_out_logits

Ints = npt.NDArray[np.int64]

_SPACE: Final = "of the month before"


def photos_of(datasets: Datasets, drawing: Ints, seed: int) -> Photos:
    """Of people who show these drawings (n,), below 0 for none. Raises NothingToLearn."""
    present = drawing >= 0
    shown, photo = np.unique(drawing[present], return_inverse=True)
    photo_of = np.full(len(drawing), -1)
    photo_of[present] = photo
    pixels = np.stack([_pixels(each) for each in shown.tolist()])
    swipes = _swipes_on(photo_of, datasets)
    fitted = fit_photos(pixels, swipes, PhotoSettings(), seed, lambda _: None)
    vector = np.where(present[:, None], fitted.embeddings[photo_of], np.float32(0.0))
    return Photos(_SPACE, fitted.onnx, vector, present)


def _swipes_on(photo_of: Ints, datasets: Datasets) -> PhotoSwipes:
    """On the photos of people (n,), each with the logit by the rates of both."""
    swipes = datasets.seen
    standing = fit_standing(swipes, own_coordinates(datasets.people, swipes).all)
    offset = held_out_logits(standing, swipes).astype(np.float32)
    photo = photo_of[swipes.candidate]
    has = photo >= 0
    return PhotoSwipes(swipes.viewer[has], photo[has], swipes.liked[has], offset[has])


@cache
def _pixels(drawing: int) -> Pixels:
    return decode(avatars.png(drawing))
