"""Photos among the factors: tastes in them are found, and nobody's looks are."""

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from features.ranker import PHOTO_INPUTS, heads_of, width_of
from tests.training.worlds import UNTIL, World, market
from training.build import Fitted, TrainingSettings, evaluate, fit_from_arrays, with_ranker
from training.datasets import Datasets, datasets_of
from training.photo_audit import Audit, audit_photos
from training.photo_directions import find_photo_axes
from training.snapshot import PhotoVectors

Floats = npt.NDArray[np.float64]

PEOPLE = 600
SEEN, LIKED_BY_ALL = 0, 1
"""The coordinate of photos about which tastes differ, and the one that everybody likes."""


def photos_of(world: World, seed: int = 0, present: float = 1.0) -> PhotoVectors:
    """Embeddings (n, 5) of a share of the people: standard normal."""
    rng = np.random.default_rng([seed, 5])
    person = np.arange(1, world.profiles.num_rows + 1)
    vector = rng.standard_normal((len(person), 5)).astype(np.float32)
    kept = rng.random(len(person)) < present
    return PhotoVectors("3", b"network", person[kept], vector[kept])


@cache
def world_of_tastes() -> tuple[Datasets, Floats]:
    """A market whose people like photos for or against one coordinate, and all another; and how
    much each person likes the first (n,)."""
    plain = market(people=PEOPLE, swipes_each=60)
    photos = photos_of(plain)
    rng = np.random.default_rng(7)
    taste = 1.5 * rng.standard_normal(PEOPLE)
    viewer = plain.swipes["swiper"].to_numpy() - 1
    candidate = plain.swipes["swiped"].to_numpy() - 1
    logit = np.log(plain.p_like / (1.0 - plain.p_like))[viewer, candidate]
    logit = logit + taste[viewer] * photos.vector[candidate, SEEN]
    logit += photos.vector[candidate, LIKED_BY_ALL]
    liked = rng.random(len(viewer)) < 1.0 / (1.0 + np.exp(-logit))
    column = plain.swipes.schema.get_field_index("action")
    swipes = plain.swipes.set_column(column, "action", pa.array(np.where(liked, 1, 2), pa.int8()))
    return datasets_of(plain.profiles, swipes, UNTIL, UNTIL, photos), taste


@cache
def learned() -> Fitted:
    datasets, _ = world_of_tastes()
    return with_ranker(datasets, fit_from_arrays(datasets, TrainingSettings(), 0), 0)


def test_the_direction_of_taste_comes_first_and_the_liked_one_not_at_all() -> None:
    datasets, _ = world_of_tastes()
    p_like = np.full(len(datasets.swipes), datasets.swipes.liked.mean())
    found = find_photo_axes(datasets.people, datasets.swipes, p_like, 3)
    first = found.axes[:, 0] / np.linalg.norm(found.axes[:, 0])
    assert abs(first[SEEN]) > 0.95
    assert np.abs(found.axes[LIKED_BY_ALL]).max() < 0.4 * np.abs(found.axes[SEEN, 0])


def test_no_taste_whatever_puts_the_much_liked_photos_first() -> None:
    datasets, _ = world_of_tastes()
    p_like = np.full(len(datasets.swipes), datasets.swipes.liked.mean())
    axes = find_photo_axes(datasets.people, datasets.swipes, p_like, 3)
    photo = axes.coordinates(datasets.people)[datasets.swipes.candidate]
    gender = datasets.people.gender[datasets.swipes.candidate]
    for each in (1, 2):
        of = gender == each
        liked = datasets.swipes.liked[of] - datasets.swipes.liked[of].mean()
        together = photo[of].T @ liked / len(liked)
        assert np.abs(together).max() < 1e-6


def test_photos_make_better_predictions_and_tastes_are_those_of_the_truth() -> None:
    datasets, taste = world_of_tastes()
    without = replace(datasets, people=replace(datasets.people, photos=None))
    plain = with_ranker(without, fit_from_arrays(without, TrainingSettings(), 0), 0)
    found = evaluate(datasets, learned(), 0).metrics()
    assert plain.final.e == 0 and learned().final.e == 8
    assert found["auc_learned"] > evaluate(without, plain, 0).metrics()["auc_learned"] + 0.02
    model = learned().final
    along = model.factors.taste[:, -8:] @ model.factors.basis.photo_axes.axes[SEEN]
    of_row = taste[datasets.people.table["person_id"] - 1]
    assert np.corrcoef(along, of_row)[0, 1] > 0.7


def test_no_hidden_unit_of_the_ranker_reads_what_photos_add() -> None:
    ranker, model = learned().ranker, learned().final
    assert ranker.e == model.e
    assert len(ranker.linear) == width_of(model.factors.taste.shape[1] - ranker.e, ranker.e)
    assert not ranker.hidden[-PHOTO_INPUTS:].any()
    assert ranker.linear[-PHOTO_INPUTS:].any()
    sides = model.sides()
    heads = heads_of(ranker, sides.take([0]), sides)
    assert np.isfinite(heads.log_match()).all()


@pytest.mark.parametrize("present", [0.5, 0.0])
def test_whoever_has_no_photo_is_the_mean_of_their_gender(present: float) -> None:
    world = market(people=200)
    datasets = datasets_of(
        world.profiles, world.swipes, UNTIL, UNTIL, photos_of(world, present=present)
    )
    fitted = fit_from_arrays(datasets, TrainingSettings(), 0)
    photos = datasets.people.photos
    assert photos is not None
    block = fitted.final.factors.basis.photo
    assert block.shape[1] == (8 if present else 0)
    assert not block[~photos.present].any()
    for gender in (1, 2):
        of = photos.present & (datasets.people.gender == gender)
        np.testing.assert_allclose(block[of].mean(axis=0) if of.any() else 0.0, 0.0, atol=1e-6)


def test_the_audit_finds_no_looks_in_what_was_learned() -> None:
    datasets, _ = world_of_tastes()
    audit = audit_photos(datasets, learned().final, learned().ranker, 0)
    assert audit is not None and audit.pairs >= 100_000
    assert audit.passed and audit.low <= 0.0 <= audit.high
    assert evaluate(datasets, learned(), 0).metrics()["photo_audit_passed"] == 1.0


def test_the_audit_finds_looks_where_a_model_has_learned_them() -> None:
    datasets, _ = world_of_tastes()
    model = learned().final
    factors = model.factors
    photos = datasets.people.photos
    assert photos is not None
    # Everybody leans the same way, along what all like.
    taste, appeal = factors.taste.copy(), factors.appeal.copy()
    taste[:, -8:], appeal[:, -8:] = 0.0, 0.0
    taste[:, -1], appeal[:, -1] = 1.0, photos.vector[:, LIKED_BY_ALL]
    vain = replace(model, factors=replace(factors, taste=taste, appeal=appeal))
    audit = audit_photos(datasets, vain, learned().ranker, 0)
    assert audit is not None and audit.low > 0.05
    assert not audit.passed


def test_without_photos_there_is_nothing_to_audit() -> None:
    datasets, _ = world_of_tastes()
    without = replace(datasets, people=replace(datasets.people, photos=None))
    assert audit_photos(without, learned().final, learned().ranker, 0) is None


@pytest.mark.parametrize(
    ("low", "high", "pairs", "passes"),
    [
        (-0.01, 0.02, 120_000, True),
        (0.001, 0.02, 120_000, False),
        (-0.031, 0.01, 120_000, False),
        (-0.01, 0.031, 120_000, False),
        (-0.01, 0.02, 99_999, False),
    ],
)
def test_the_audit_wants_zero_within_three_hundredths_of_enough_pairs(
    low: float, high: float, pairs: int, passes: bool
) -> None:
    assert Audit(0.0, low, high, pairs, 500).passed is passes
