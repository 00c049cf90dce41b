"""What newcomers are after so many swipes, and whether that is right where the truth is known."""

import numpy as np
import pytest

from features.score import like_logits, match_scores
from tests.training.worlds import market
from training.build import TrainingSettings, fit_from_arrays
from training.cold.network import fit_network
from training.cold.newcomers import (
    Cards,
    Newcomers,
    Start,
    asked_logits,
    match_matrix,
    starts,
)
from training.datasets import datasets_of
from training.model import Model
from training.towers import tower_inputs

_PEOPLE = 6


@pytest.fixture(scope="module")
def model() -> Model:
    world = market(people=300, swipes_each=40)
    datasets = datasets_of(world.profiles, world.swipes, world.now, world.now)
    return fit_from_arrays(datasets, TrainingSettings(), 0).final


def _cards(n: int, liked: bool | None = None) -> Cards:
    rng = np.random.default_rng(n)
    answers = rng.random((_PEOPLE, n)) < 0.5 if liked is None else np.full((_PEOPLE, n), liked)
    return Cards(rng.integers(0, 300, (_PEOPLE, n)), answers)


def _start(model: Model) -> Start:
    d = model.factors.taste.shape[1]
    rate = np.full(_PEOPLE, 0.3, np.float32)
    rng = np.random.default_rng(0)
    taste, appeal = rng.normal(size=(2, _PEOPLE, d)).astype(np.float32)
    return Start(taste, appeal, rate, rate)


def _newcomers(model: Model) -> Newcomers:
    return Newcomers(model, np.full(_PEOPLE, 1, np.uint8))


def test_without_swipes_a_newcomer_is_as_they_start(model: Model) -> None:
    methods = starts(model, np.zeros(_PEOPLE, np.int64), {"gravity-tower": _start(model)})
    none = _cards(0)
    still = _newcomers(model).sides(methods["gravity-tower"], none, none)
    moving = _newcomers(model).sides(methods["gravity-tower-fold-in"], none, none)
    assert np.array_equal(still.taste, moving.taste)
    assert still.received_logit == pytest.approx(moving.received_logit, abs=1e-6)
    band = _newcomers(model).sides(methods["band-mean"], none, none)
    today = _newcomers(model).sides(methods["fold-in"], none, none)
    assert np.array_equal(band.taste, today.taste)


def test_likes_and_passes_move_the_rates_and_only_of_methods_that_move(model: Model) -> None:
    methods = starts(model, np.zeros(_PEOPLE, np.int64), {"gravity-tower": _start(model)})
    none, newcomers = _cards(0), _newcomers(model)
    for n in (1, 5, 50):
        liked = newcomers.sides(methods["gravity-tower-fold-in"], none, _cards(n, liked=True))
        passed = newcomers.sides(methods["gravity-tower-fold-in"], none, _cards(n, liked=False))
        start = newcomers.sides(methods["gravity-tower"], none, _cards(n, liked=True))
        assert (liked.received_logit > start.received_logit).all()
        assert (passed.received_logit < start.received_logit).all()


def test_people_with_only_passes_stay_finite(model: Model) -> None:
    methods = starts(model, np.zeros(_PEOPLE, np.int64), {"gravity-tower": _start(model)})
    passes = _cards(100, liked=False)
    found = _newcomers(model).sides(methods["gravity-tower-fold-in"], passes, passes)
    assert np.isfinite(found.taste).all()
    assert np.isfinite(found.given_logit).all()
    assert (found.given_logit < -2.0).all()


def test_scores_of_pairs_are_those_of_serving(model: Model) -> None:
    method = starts(model, np.zeros(_PEOPLE, np.int64), {})["mean"]
    new, known = _newcomers(model).sides(method, _cards(0), _cards(0)), model.sides()
    asked = _cards(7)
    for as_viewers in (True, False):
        x = asked_logits(new, known, asked, as_viewers=as_viewers)
        one, other = new.take([2]), known.take(asked.others[2])
        expected = like_logits(one, other) if as_viewers else like_logits(other, one)
        assert x[2] == pytest.approx(expected, abs=1e-5)
    matrix = match_matrix(new, known)
    assert matrix[3] == pytest.approx(match_scores(new.take([3]), known), abs=1e-4)


def test_the_network_learns_what_attributes_say_and_seeds_give_equal_ones() -> None:
    world = market(people=120, swipes_each=30)
    datasets = datasets_of(world.profiles, world.swipes, world.now, world.now)
    learned = fit_from_arrays(datasets, TrainingSettings(), 0).final
    inputs = tower_inputs(datasets.people)
    one, other = (fit_network(inputs, learned, datasets.swipes, seed=4, steps=1) for _ in range(2))
    assert one.loss == other.loss
    assert np.array_equal(one.expected(inputs).taste, other.expected(inputs).taste)
    settings_of_one = ((one.width, one.decay),)
    longer = fit_network(inputs, learned, datasets.swipes, 4, steps=21, settings=settings_of_one)
    assert longer.loss < one.loss
