"""Towers: who is new is expected to be as somebody known who never swiped."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from features.tower_rows import packed_towers, tower_shape, unpacked_towers
from features.towers import Towers
from tests.training.worlds import BODY_TYPES, UNTIL, market, profiles_table
from training.attributes import fit_code, read_profile_columns
from training.build import TrainingSettings, fit_from_arrays
from training.datasets import Datasets, datasets_of
from training.model import Model
from training.towers import fit_towers, tower_inputs

TODAY = (UNTIL.date() - UNTIL.date().replace(year=1970, month=1, day=1)).days


def _learned(liked_body: int) -> tuple[Datasets, Model]:
    """A market in which everybody likes one body type."""
    world = market(people=500, swipes_each=40, seed=3)
    rng = np.random.default_rng(0)
    body = np.array([BODY_TYPES.index(b) for b in world.profiles["body_type"].to_pylist()])
    swiped = np.asarray(world.swipes["swiped"]) - 1
    liked = rng.random(len(swiped)) < np.where(body[swiped] == liked_body, 0.8, 0.2)
    at = world.swipes.schema.get_field_index("action")
    action = pa.array(np.where(liked, 1, 2), pa.int8())
    world = replace(world, swipes=world.swipes.set_column(at, "action", action))
    datasets = datasets_of(world.profiles, world.swipes, world.now, world.now)
    settings = TrainingSettings()
    return datasets, fit_from_arrays(datasets, settings, 0).final


@pytest.fixture(scope="module")
def learned() -> tuple[Datasets, Model]:
    return _learned(liked_body=0)


@pytest.fixture(scope="module")
def towers(learned: tuple[Datasets, Model]) -> Towers:
    datasets, model = learned
    return fit_towers(datasets.people, model)


def test_the_known_are_expected_as_the_model_expects_them(
    learned: tuple[Datasets, Model], towers: Towers
) -> None:
    datasets, model = learned
    inputs = tower_inputs(datasets.people)
    assert inputs @ towers.taste == pytest.approx(model.factors.prior, abs=1e-3)
    observed = model.factors.basis.observed.shape[1]
    appeal = (inputs @ towers.appeal)[:, :observed]
    assert appeal == pytest.approx(model.factors.appeal[:, :observed], abs=1e-3)
    assert inputs @ towers.given == pytest.approx(model.rates.given_expected, abs=1e-3)
    assert inputs @ towers.received == pytest.approx(model.rates.received_expected, abs=1e-3)


def test_newcomers_of_the_liked_kind_are_expected_to_be_liked(towers: Towers) -> None:
    rng = np.random.default_rng(5)
    kinds = np.arange(len(BODY_TYPES))
    new = profiles_table(np.full(4, 2), np.full(4, 30), kinds, rng)
    rate = towers.expected(read_profile_columns(new), TODAY).received_rate
    assert rate[0] > 0.65
    assert (rate[1:] < 0.35).all()


def test_a_profile_that_says_nothing_is_expected_between_the_kinds(towers: Towers) -> None:
    rng = np.random.default_rng(5)
    new = profiles_table(np.full(2, 2), np.full(2, 30), np.array([0, 1]), rng)
    nulls = pa.nulls(2, pa.string())
    at = new.schema.get_field_index("body_type")
    mute = new.set_column(at, "body_type", nulls)
    strange = new.set_column(at, "body_type", pa.array(["of glass", "NaN"]))
    said, unsaid, unheard = (
        towers.expected(read_profile_columns(table), TODAY) for table in (new, mute, strange)
    )
    assert said.received_rate[1] < unsaid.received_rate[0] < said.received_rate[0]
    assert np.array_equal(unheard.received_rate, unsaid.received_rate)
    assert all(np.isfinite(getattr(unsaid, name)).all() for name in ("taste", "appeal", "line"))


def test_towers_survive_their_packing(towers: Towers) -> None:
    packed = packed_towers(towers)
    assert packed.shape == tower_shape(towers.code, towers.taste.shape[1])
    again = unpacked_towers(towers.code, packed)
    for name in ("taste", "appeal", "given", "received", "line"):
        assert np.array_equal(getattr(again, name), getattr(towers, name)), name


def test_a_market_where_one_gender_is_absent_has_towers() -> None:
    world = market(people=200, swipes_each=30)
    at = world.profiles.schema.get_field_index("gender")
    men = world.profiles.set_column(at, "gender", pa.array(np.ones(200), pa.int8()))
    datasets = datasets_of(men, world.swipes, world.now, world.now)
    settings = TrainingSettings()
    model = fit_from_arrays(datasets, settings, 0).final
    woman = profiles_table(np.array([2]), np.array([30]), np.array([0]), np.random.default_rng(0))
    found = fit_towers(datasets.people, model).expected(read_profile_columns(woman), TODAY)
    assert 0.0 < found.received_rate[0] < 1.0
    assert np.isfinite(found.taste).all()


def test_attributes_that_are_no_text_have_no_column() -> None:
    rng = np.random.default_rng(0)
    table = profiles_table(np.full(60, 1), np.full(60, 30), np.zeros(60, np.int64), rng)
    at = table.schema.get_field_index("attributes")
    odd = pa.array([json.dumps({"diet": float("nan")})] * 60)
    code = fit_code(read_profile_columns(table.set_column(at, "attributes", odd)), TODAY)
    assert code.attributes == (("diet", ()),)
    assert np.isfinite(code.mean).all()
