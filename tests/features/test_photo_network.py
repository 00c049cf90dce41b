"""A network from ONNX: what it takes, what it gives, and what is no network."""

import subprocess
import sys

import numpy as np
import pytest
from onnx import TensorProto

from features.photo_network import NetworkDamaged, PhotoNetwork
from features.photo_pixels import SIDE
from tests.features.photo_networks import mean_colour


def photos(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rng = np.random.default_rng(5)
    return rng.integers(0, 255, (count, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 100])
def test_vectors_are_those_of_their_photos(count: int) -> None:
    network, pixels = PhotoNetwork.of(mean_colour()), photos(count)
    vectors = network.embed(pixels)
    assert network.width == 3
    assert vectors.shape == (count, 3)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, pixels.mean(axis=(1, 2)) / 255, atol=1e-5)


def test_one_at_a_time_gives_what_a_batch_gives() -> None:
    network, pixels = PhotoNetwork.of(mean_colour()), photos(40)
    one_by_one = np.concatenate([network.embed(photo[None]) for photo in pixels])
    np.testing.assert_allclose(network.embed(pixels), one_by_one, rtol=1e-6)


@pytest.mark.parametrize(
    ("graph", "why"),
    [
        (b"", "not an ONNX graph"),
        (b"not a model", "not an ONNX graph"),
        (mean_colour()[:-40], "not an ONNX graph"),
        (mean_colour(side=SIDE + 1), f"not photos of {SIDE} pixels"),
        (mean_colour(takes=TensorProto.FLOAT), f"not photos of {SIDE} pixels"),
    ],
)
def test_a_damaged_network_is_refused(graph: bytes, why: str) -> None:
    with pytest.raises(NetworkDamaged, match=why):
        PhotoNetwork.of(graph)


def test_nothing_heavy_is_imported_before_the_first_photo() -> None:
    code = (
        "import sys, features.photo_network, features.photo_pixels;"
        "print([m for m in ('PIL', 'onnxruntime') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
