"""From the lake to a draft of a space: what the tasks of `retrain_photos` do until it has an id."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from features.lake import read_profiles
from features.media import Media
from features.photo_embeddings import photos_of, read_photos
from features.photo_pixels import Pixels
from features.photo_reading import Say
from flows.learning import read_lake
from flows.photo_embedding import read_patiently
from flows.photo_registration import PhotoDraft
from gravity.settings import Settings
from training.datasets import NothingToLearn, TooFewDays
from training.liked_photos import LikedPhotos, NoPhotos, TooFewSwipes, liked_photos
from training.snapshot import NoProfiles

if TYPE_CHECKING:
    from training.photos.fitting import PhotoSettings


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSet:
    """Swipes on photos (P,), their pixels (P, SIDE, SIDE, 3), how many were left out by reason, and
    the rows (k,) of those that may be shown in MLflow: no erasure reaches what is there, so only
    photos that nobody but simulated people have."""

    liked: LikedPhotos
    pixels: Pixels
    refused: dict[str, int]
    shown: npt.NDArray[np.int64]


def read_liked(settings: Settings, now: datetime) -> LikedPhotos:
    """The swipes of the lake on people with photos.

    Raises NoPhotos, TooFewSwipes.
    """
    try:
        datasets = read_lake(settings, now)
    except NoProfiles as error:
        raise NoPhotos("the lake holds nobody") from error
    except (NothingToLearn, TooFewDays) as error:
        raise TooFewSwipes(
            "the lake's swipes are all of one kind, or of one or two days"
        ) from error
    return liked_photos(datasets, read_photos(settings.lake))


def read_set(settings: Settings, media: Media, liked: LikedPhotos, say: Say) -> PhotoSet:
    """Their pixels. Raises NoPhotos, TooFewSwipes, MediaUnreachable."""
    photos = read_patiently(media, list(liked.urls), say)
    refused = photos.reasons()
    if not len(photos.rows):
        why = ", ".join(f"{count:,} {reason}" for reason, count in sorted(refused.items()))
        raise NoPhotos(f"none of {len(liked.urls):,} photos can be used: {why}")
    usable, simulated = liked.only(photos.rows), simulated_urls(settings.lake)
    shown = [row for row, url in enumerate(usable.urls) if url in simulated]
    return PhotoSet(usable, photos.pixels, refused, np.array(shown, np.int64))


def simulated_urls(lake: str | Path) -> frozenset[str]:
    """The urls of photos that nobody but simulated people have."""
    profiles = read_profiles(lake, columns=["person", "photos", "simulated"])
    own, others = (
        frozenset(map(str, photos_of(profiles.filter(mask)).urls.to_pylist()))
        for mask in (profiles["simulated"], pc.invert(profiles["simulated"]))
    )
    return own - others


def learn(
    photos: PhotoSet, how: "PhotoSettings", seed: int, say: Callable[[str], None]
) -> PhotoDraft:
    """The network that tells photos apart as those who like them do; equal seeds, equal weights."""
    # torch is imported by whoever learns, and by nobody who asks for the embedding of a photo.
    from training.photos.fitting import fit_photos
    from training.photos.sheet import nearest_sheet
    from training.photos.swipes import PhotoSwipes

    liked = photos.liked
    swipes = PhotoSwipes(liked.viewer, liked.photo, liked.liked, liked.offset)
    fitted = fit_photos(photos.pixels, swipes, how, seed, say)
    shown = photos.shown
    sheet = nearest_sheet(photos.pixels[shown], fitted.embeddings[shown], seed)
    return PhotoDraft(
        network=fitted.onnx,
        width=fitted.width,
        photos=len(photos.pixels),
        swipes=len(liked.liked),
        measures=fitted.measures,
        curves=fitted.curves,
        sheets={"nearest": sheet} if len(shown) > 1 else {},
    )
