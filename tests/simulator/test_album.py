"""What a network says of the photos of a small market."""

from dataclasses import replace

import numpy as np
import pytest

from simulator.album import photos_of
from simulator.town import Town
from training.photos.fitting import NothingToLearn


def test_everybody_with_a_photo_has_its_vector_and_nobody_else() -> None:
    town = Town.draw(120, 3, 5)
    drawing = town.market.looks.drawing.copy()
    drawing[:10] = -1
    drawing[10:12] = 7
    photos = photos_of(town.datasets, drawing, 0)
    np.testing.assert_array_equal(photos.present, drawing >= 0)
    assert not photos.vector[:10].any()
    np.testing.assert_array_equal(photos.vector[10], photos.vector[11])
    others = photos.vector[(drawing >= 0) & (drawing != 7)]
    assert np.all(np.abs(others - photos.vector[10]).max(axis=1) > 0.0)


def test_without_swipes_there_is_nothing_to_learn() -> None:
    town = Town.draw(120, 3, 5)
    nothing = replace(town.datasets, seen=town.datasets.seen.take(slice(0, 0)))
    with pytest.raises(NothingToLearn):
        photos_of(nothing, town.market.looks.drawing, 0)
