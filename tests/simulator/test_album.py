"""What a network says of the photos of a small market."""

import numpy as np

from simulator.album import photos_of
from simulator.town import Town


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
