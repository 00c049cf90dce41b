"""What a space of photos is learned from: swipes on people with photos, and what the rates alone
said of each.

A swipe counts for the first photo, which is what a card shows first. Of the window's days the last
ones, by which a release is judged, are left out: no photo's vector has seen their answers.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from features.photo_embeddings import PeoplesPhotos
from training.coordinates import own_coordinates
from training.datasets import Datasets
from training.standing import fit_standing, held_out_logits

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

LEAST_SWIPES: Final = 1_000
MOST_PHOTOS: Final = 6_000
"""So many photos are learned from, those that were swiped most: 12 KB of pixels each."""


class NoPhotos(Exception):
    """Nobody who was swiped has a photo, or none of the photos can be used."""


class TooFewSwipes(Exception):
    """The swipes on people with photos are too few to learn from."""


@dataclass(frozen=True, slots=True, eq=False)
class LikedPhotos:
    """Swipes (m,) on photos (P,) by url.

    viewer (m,) rows of people, photo (m,) rows of the photos, liked (m,) bool; offset (m,) float32,
    the logit of a like by rates alone, as if the swipe had not been among those that made them.
    """

    urls: tuple[str, ...]
    viewer: Ints
    photo: Ints
    liked: npt.NDArray[np.bool_]
    offset: Floats

    def only(self, rows: Ints) -> "LikedPhotos":
        """With no other photos than those in rows (k,), ascending. Raises NoPhotos, TooFewSwipes"""
        place = np.full(len(self.urls), -1, np.int64)
        place[rows] = np.arange(len(rows))
        kept = place[self.photo] >= 0
        return _checked(
            replace(
                self,
                urls=tuple(self.urls[row] for row in rows.tolist()),
                viewer=self.viewer[kept],
                photo=place[self.photo[kept]],
                liked=self.liked[kept],
                offset=self.offset[kept],
            )
        )


def liked_photos(datasets: Datasets, photos: PeoplesPhotos) -> LikedPhotos:
    """The swipes of the days before those that judge. Raises NoPhotos, TooFewSwipes."""
    split, people = datasets.split, datasets.people
    swipes = datasets.swipes.between(split.start, split.evaluate)
    urls, photo_of = _first_photos(photos, people.rows_of(photos.persons), len(people))
    offset = np.zeros(0)
    if len(swipes):
        standing = fit_standing(swipes, own_coordinates(people, swipes).all)
        offset = held_out_logits(standing, swipes)
    photo = photo_of[swipes.candidate]
    has = photo >= 0
    found = LikedPhotos(
        urls, swipes.viewer[has], photo[has], swipes.liked[has], offset[has].astype(np.float32)
    )
    swiped = np.bincount(found.photo, minlength=len(urls))
    most = np.argsort(-swiped, kind="stable")[:MOST_PHOTOS]
    return found.only(np.sort(most[swiped[most] > 0]))


def _first_photos(photos: PeoplesPhotos, rows: Ints, people: int) -> tuple[tuple[str, ...], Ints]:
    """The urls of photos, each once, and which of them is each person's first (n,), −1 for none."""
    coded = photos.urls.combine_chunks().dictionary_encode()
    codes = np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64)
    first = np.full(people, -1, np.int64)
    known = rows >= 0
    # Backwards: the first of a person is the last to be written.
    first[rows[known][::-1]] = codes[known][::-1]
    return tuple(map(str, coded.dictionary.to_pylist())), first


def _checked(found: LikedPhotos) -> LikedPhotos:
    if not found.urls:
        raise NoPhotos("nobody who was swiped has a photo that can be used")
    if len(found.liked) < LEAST_SWIPES:
        swipes = f"{len(found.liked):,} swipes on people with photos"
        raise TooFewSwipes(f"{swipes}, where {LEAST_SWIPES:,} are needed")
    if found.liked.all() or not found.liked.any():
        raise TooFewSwipes("the swipes on people with photos are all likes, or all passes")
    return found
