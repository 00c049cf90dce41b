"""What a network says of the photos that people show, learned from the swipes of the month before,
as a platform learns it."""

from functools import cache

import numpy as np
import numpy.typing as npt

from features.photo_pixels import Pixels, decode
from simulator import avatars
from simulator.looks import NOBODY
from training.coordinates import own_coordinates
from training.datasets import Datasets
from training.photos.fitting import PhotoSettings, PhotoSwipes, fit_photos
from training.snapshot import Photos
from training.standing import fit_standing, held_out_logits

Ints = npt.NDArray[np.int64]

_SPACE = "of the month before"


def photos_of(datasets: Datasets, drawing: Ints, seed: int) -> Photos:
    """Of people who show these drawings (n,). Raises NothingToLearn."""
    swipes = datasets.seen
    shown, photo = np.unique(drawing[drawing != NOBODY], return_inverse=True)
    photo_of = np.full(len(drawing), NOBODY)
    photo_of[drawing != NOBODY] = photo
    offset = held_out_logits(
        fit_standing(swipes, own_coordinates(datasets.people, swipes).all), swipes
    )
    of = photo_of[swipes.candidate]
    has = of != NOBODY
    known = PhotoSwipes(
        swipes.viewer[has], of[has], swipes.liked[has], offset[has].astype(np.float32)
    )
    pixels = np.stack([_pixels(each) for each in shown.tolist()])
    fitted = fit_photos(pixels, known, PhotoSettings(), seed, lambda _: None)
    present = photo_of != NOBODY
    vector = np.where(present[:, None], fitted.embeddings[photo_of], np.float32(0.0))
    return Photos(_SPACE, fitted.onnx, vector, present)


@cache
def _pixels(drawing: int) -> Pixels:
    return decode(avatars.png(drawing))
