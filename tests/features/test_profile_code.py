"""Profiles as numbers: what nobody said before, and what is no value at all."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.profile_code import ProfileCode, Profiles, height_of

TODAY = 20_000
_BORN = TODAY - 31 * 365
_CODE = ProfileCode(("athletic", "thin"), (("diet", ("anything", "vegan")),), (0.25,) * 18)


def _one(body_type: str | None = None, height_cm: float = math.nan, **said: object) -> Profiles:
    return Profiles(
        gender=np.array([2], np.uint8),
        birth_day=np.array([_BORN], np.int32),
        height_cm=np.array([height_cm], np.float32),
        body_type=[body_type],
        attributes=[said],
    )


def _ones(profiles: Profiles) -> list[int]:
    return np.flatnonzero(_CODE.indicators(profiles, TODAY)[0]).tolist()


def test_each_value_has_its_column() -> None:
    # Two body types, six age bands, eight heights, two diets.
    assert _ones(_one("thin", 170.0, diet="vegan")) == [1, 4, 2 + 6 + 3, 2 + 6 + 8 + 1]


@pytest.mark.parametrize("diet", [None, math.nan, "never heard of", 7, ["vegan"]])
def test_what_is_no_known_value_is_as_if_nothing_were_said(diet: object) -> None:
    assert _ones(_one(None, math.nan, diet=diet)) == _ones(_one()) == [4]


def test_an_attribute_that_training_never_saw_changes_nothing() -> None:
    assert _ones(_one("thin", pets="cats")) == _ones(_one("thin"))


def test_inputs_are_gender_and_centred_columns() -> None:
    inputs = _CODE.inputs(_one("thin"), TODAY)[0]
    assert inputs[:3].tolist() == [0.0, 1.0, 0.0]
    assert inputs[3:].tolist() == [(0.75 if at in (1, 4) else -0.25) for at in range(18)]


@given(st.one_of(st.text(max_size=8), st.floats(), st.none(), st.integers()))
def test_a_height_is_a_positive_number_or_nothing(said: object) -> None:
    height = height_of(said)
    assert math.isnan(height) or (math.isfinite(height) and height > 0)
