"""Calibrations on a small market: what they know decides for whom they are right."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tests.training.worlds import World, market
from training.build import TrainingSettings, fit_from_arrays
from training.datasets import datasets_of
from training.reliability.held_out import HeldOut, held_out_days


def _held_out(world: World) -> HeldOut:
    datasets = datasets_of(world.profiles, world.swipes, world.now, world.now)
    return held_out_days(datasets, fit_from_arrays(datasets, TrainingSettings(), 0))


@pytest.fixture(scope="module")
def held_out() -> HeldOut:
    return _held_out(market(people=800, swipes_each=80))


def test_the_pickiest_like_less_than_predicted_without_their_rate(held_out: HeldOut) -> None:
    rows = held_out.picky
    liked = held_out.liked[rows].mean()
    assert held_out.p["without-viewers-rate"][rows].mean() > 1.3 * liked
    assert held_out.p["gravity"][rows].mean() == pytest.approx(liked, abs=0.05)


def test_seeds_give_equal_predictions() -> None:
    world = market(people=120, swipes_each=30)
    one, other = _held_out(world), _held_out(world)
    assert all(np.array_equal(one.p[name], other.p[name]) for name in one.p)


def test_joined_people_stay_apart(held_out: HeldOut) -> None:
    twice = HeldOut.joined([held_out, held_out])
    half = len(held_out.liked)
    assert not set(twice.viewer[:half]) & set(twice.viewer[half:])
    assert np.array_equal(twice.liked[half:], held_out.liked)


def test_people_with_only_passes_are_expected_to_pass() -> None:
    world = market(people=400, swipes_each=40)
    swiper = np.asarray(world.swipes["swiper"])
    action = np.where(swiper <= 60, 2, np.asarray(world.swipes["action"]))
    at = world.swipes.schema.get_field_index("action")
    swipes = world.swipes.set_column(at, "action", pa.array(action, pa.int8()))
    found = _held_out(replace(world, swipes=swipes))
    p = found.p["gravity"]
    assert np.isfinite(p).all()
    assert p[found.picky].mean() < 0.5 * p.mean()


def test_a_gender_without_anybody_is_no_obstacle() -> None:
    world = market(people=300, swipes_each=40)
    at = world.profiles.schema.get_field_index("gender")
    men = pa.array(np.ones(300), pa.int8())
    found = _held_out(replace(world, profiles=world.profiles.set_column(at, "gender", men)))
    assert found.parts()["ece_of_men"].all()
    assert not found.parts()["ece_of_women"].any()
    assert all(np.isfinite(p).all() for p in found.p.values())
