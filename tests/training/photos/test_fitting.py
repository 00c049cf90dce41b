"""The network of photos finds what viewers like, and gives the same by ONNX as it learned."""

import subprocess
import sys
from dataclasses import replace
from functools import cache
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from features.photo_network import PhotoNetwork
from features.photo_pixels import SIDE, Pixels
from training.photos.fitting import FittedPhotos, PhotoSettings, fit_photos
from training.photos.sheet import nearest_sheet
from training.photos.swipes import NothingToLearn, PhotoSwipes, pairs_of

PHOTOS, VIEWERS, EACH = 80, 400, 20
HOW = PhotoSettings(width=6, centres=16, epochs=2)


@cache
def squares() -> Pixels:
    """Grey noise with a square somewhere: red in the first half, blue in the second."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(90, 160, (PHOTOS, SIDE, SIDE, 3), dtype=np.uint8)
    for photo in range(PHOTOS):
        top, left = rng.integers(0, SIDE - 24, 2)
        colour = (220, 40, 40) if photo < PHOTOS // 2 else (40, 40, 220)
        pixels[photo, top : top + 24, left : left + 24] = colour
    return pixels


@cache
def swipes() -> PhotoSwipes:
    """Of viewers who like the one colour or the other; of the last photos there are none."""
    rng = np.random.default_rng(1)
    viewer = np.repeat(np.arange(VIEWERS), EACH)
    photo = rng.integers(0, PHOTOS - 4, len(viewer))
    likes_red = (viewer % 2 == 0) == (photo < PHOTOS // 2)
    liked = rng.random(len(viewer)) < np.where(likes_red, 0.75, 0.25)
    return PhotoSwipes(viewer, photo, liked, np.zeros(len(viewer), np.float32))


@cache
def fitted() -> FittedPhotos:
    return fit_photos(squares(), swipes(), HOW, 3, lambda _: None)


def test_photos_liked_by_the_same_people_come_near_and_others_do_not() -> None:
    vectors = fitted().embeddings
    alike = vectors @ vectors.T
    red = np.arange(PHOTOS) < PHOTOS // 2
    same = red[:, None] == red[None, :]
    np.fill_diagonal(same, False)
    assert alike[same].mean() > 0.0 > alike[red][:, ~red].mean()


def test_photos_that_nobody_swiped_have_their_place_too() -> None:
    vectors = fitted().embeddings
    unseen = vectors[PHOTOS - 4 :]
    red, blue = vectors[: PHOTOS // 2].mean(axis=0), vectors[PHOTOS // 2 : PHOTOS - 4].mean(axis=0)
    assert (unseen @ (blue - red) > 0.0).all()


def test_the_graph_says_what_the_network_said() -> None:
    network = PhotoNetwork.of(fitted().onnx)
    assert network.width == HOW.width == fitted().width
    np.testing.assert_allclose(network.embed(squares()), fitted().embeddings, rtol=1e-3, atol=1e-5)


def test_equal_seeds_make_equal_networks() -> None:
    again = fit_photos(squares(), swipes(), HOW, 3, lambda _: None)
    assert again.onnx == fitted().onnx
    assert again.curves == fitted().curves


def test_curves_tell_each_epoch_and_the_start() -> None:
    curves = fitted().curves
    assert set(curves) == {"explained", "explained_held_out"}
    assert all(2 <= len(curve) <= 1 + HOW.epochs for curve in curves.values())


@pytest.mark.parametrize("answer", [True, False])
def test_swipes_that_are_all_alike_teach_nothing(answer: bool) -> None:
    alike = replace(swipes(), liked=np.full(len(swipes().liked), answer))
    with pytest.raises(NothingToLearn):
        fit_photos(squares(), alike, HOW, 0, lambda _: None)


def test_viewers_of_one_photo_each_teach_nothing() -> None:
    n = 50
    alone = PhotoSwipes(np.arange(n), np.arange(n), np.arange(n) % 2 == 0, np.zeros(n, np.float32))
    with pytest.raises(NothingToLearn):
        pairs_of(alone, 100)


def test_pairs_are_sums_over_viewers_and_a_photo_is_no_pair_with_itself() -> None:
    found = pairs_of(swipes(), PHOTOS)
    assert found.rows.tolist() == list(range(PHOTOS - 4))
    together = np.zeros((PHOTOS, PHOTOS))
    for viewer in range(VIEWERS):
        of = np.bincount(swipes().photo[swipes().viewer == viewer], minlength=PHOTOS)
        together += np.outer(of, of)
    np.fill_diagonal(together, 0.0)
    among = together[: PHOTOS - 4, : PHOTOS - 4]
    np.testing.assert_allclose(found.weight, among / 16.0, rtol=1e-5)
    assert not found.product.diagonal().any()
    # What viewers like more or less than their own on the mean is out.
    assert abs(found.product.sum()) < 1e-2 * np.abs(found.product).sum()


def test_a_sheet_shows_photos_beside_their_nearest() -> None:
    sheet = Image.open(BytesIO(nearest_sheet(squares(), fitted().embeddings, 0)))
    assert sheet.format == "PNG"
    assert sheet.width > 9 * SIDE and sheet.height > 10 * SIDE


def test_learning_does_without_torch_s_compiler() -> None:
    words = "import sys, training.photos.trainer as t, training.photos.network as n;"
    words += "n.residual_block(4, 4, 1); sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
