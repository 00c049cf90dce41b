"""Faces that people rated: traits by the vectors of a network that learned from drawings, and
viewers who like mixtures of traits, after some swipes. Nobody's face is shown, scored or kept."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.evaluate.photos_baselines import baselines
from cli.evaluate.photos_learned import Learned
from cli.evaluate.photos_ridge import explained, kernel_of
from cli.evaluate.plan import Found, Say
from features.photo_network import PhotoNetwork
from features.photo_pixels import Pixels, decode
from training.photos.fitting import PhotoSettings, fit_photos
from training.photos.swipes import PhotoSwipes
from training.ranker.measures import Bootstrap, auc, mean, plain

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TASK: Final = "photos-faces"
OURS: Final = "gravity"
ON_FACES: Final = "gravity, learned from likes of other faces"
_SWIPES: Final = (5, 20, 100)
_VIEWERS: Final = 300
_LEARNING_VIEWERS: Final = 3_000
_LEARNING_SWIPES: Final = 40
_TASTE: Final = 1.5
"""Deviation of a viewer's taste, in logits: with less, twenty swipes tell nothing of it."""
_DRAWS: Final = 400


def measure(
    learned: Learned, folder: Path, how: PhotoSettings, seed: int, say: Say
) -> Sequence[Found]:
    """R² of the traits, and AUC on new faces after 5, 20 and 100 swipes; half of the faces is for
    a network that learns from likes of faces, the other half is judged."""
    say("reading faces")
    traits, pixels = _faces(folder)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pixels))
    known, judged = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    say("learning from likes of half of the faces")
    network = _learned(pixels[known], traits[known], how, rng, say)
    features = {
        OURS: PhotoNetwork.of(learned.fitted.onnx).embed(pixels[judged]),
        ON_FACES: network.embed(pixels[judged]),
        **baselines(pixels[judged], pixels[known], how.centres, seed),
    }
    rows = list(_traits(features, traits[judged], seed))
    say("viewers of faces")
    return rows + list(_likes(features, traits[judged], rng))


def _faces(folder: Path) -> tuple[Floats64, Pixels]:
    """Standardised traits (k, q) and pictures (k, SIDE, SIDE, 3)."""
    with (folder / "attribute_means.csv").open(newline="") as file:
        head, *rows = list(csv.reader(file))
    values = np.array([[float(cell) for cell in row[1:]] for row in rows])
    pictures = [decode((folder / "images" / f"{row[0]}.jpg").read_bytes()) for row in rows]
    assert len(head) == values.shape[1] + 1
    return (values - values.mean(axis=0)) / values.std(axis=0), np.stack(pictures)


def _tastes(traits: Floats64, viewers: int, rng: np.random.Generator) -> Floats64:
    """Hidden logits (k, v) of viewers who like mixtures of traits: as far apart for each."""
    raw = traits @ rng.standard_normal((traits.shape[1], viewers))
    return np.asarray(_TASTE * (raw - raw.mean(axis=0)) / raw.std(axis=0), np.float64)


def _learned(
    pixels: Pixels, traits: Floats64, how: PhotoSettings, rng: np.random.Generator, say: Say
) -> PhotoNetwork:
    """The network of likes by other viewers of the same kind."""
    logits = _tastes(traits, _LEARNING_VIEWERS, rng)
    viewer = np.repeat(np.arange(_LEARNING_VIEWERS), _LEARNING_SWIPES)
    photo = rng.integers(0, len(pixels), len(viewer))
    liked = rng.random(len(viewer)) < 1.0 / (1.0 + np.exp(-logits[photo, viewer]))
    swipes = PhotoSwipes(viewer, photo, liked, np.zeros(len(viewer), np.float32))
    fitted = fit_photos(pixels, swipes, how, int(rng.integers(2**31)), say)
    return PhotoNetwork.of(fitted.onnx)


def _traits(features: Mapping[str, Floats], traits: Floats64, seed: int) -> Iterator[Found]:
    """Mean R² of all traits; the interval is over traits."""
    for name, of in features.items():
        r2 = explained(of, traits, seed)
        drawn = np.random.default_rng(seed).integers(0, len(r2), (_DRAWS, len(r2)))
        low, high = np.quantile(r2[drawn].mean(axis=1), (0.025, 0.975)).tolist()
        yield Found(TASK, "r2_of_traits", name, float(r2.mean()), low, high)


def _likes(
    features: Mapping[str, Floats], traits: Floats64, rng: np.random.Generator
) -> Iterator[Found]:
    """AUC of likes of faces that the viewer has not seen, after so many swipes on others: the mean
    over viewers."""
    logits = _tastes(traits, _VIEWERS, rng)
    liked = rng.random(logits.shape) < 1.0 / (1.0 + np.exp(-logits))
    order = np.argsort(rng.random(logits.shape), axis=0)
    asked = order[max(_SWIPES) :]
    bootstrap = Bootstrap(np.arange(_VIEWERS), _DRAWS, 0)
    for name, of in features.items():
        kernel = _TASTE**2 * kernel_of(of)
        for swipes in _SWIPES:
            each = []
            for v in range(_VIEWERS):
                given = order[:swipes, v]
                score = _taste(kernel, given, liked[given, v], asked[:, v])
                each.append(plain(auc(score, liked[asked[:, v], v]), len(asked)))
            found = bootstrap.estimate(mean(np.array(each)))
            yield Found(TASK, f"auc_after_{swipes}", name, found.value, *found.interval())


def _taste(kernel: Floats64, given: Ints, liked: npt.NDArray[np.bool_], asked: Ints) -> Floats64:
    """What swipes say of other faces: one Newton step from a taste of nothing."""
    left = kernel[np.ix_(given, given)] + 4.0 * np.eye(len(given))
    return np.asarray(
        kernel[np.ix_(asked, given)] @ np.linalg.solve(left, 4.0 * (liked - 0.5)), np.float64
    )
