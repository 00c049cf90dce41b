"""Pure decisions: buckets, defaults, filters, propensities."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery_api.domain import (
    DISTANCE_BUCKETS_KM,
    Filters,
    LocationMissing,
    ProfileMissing,
    asker_of,
    bucket_km,
    propensities,
    with_defaults,
)
from features.eligibility import Viewer, person_table, viewer_of
from features.person_row import PersonHeads, decode_heads, encode_head
from tests.serving.worlds import TODAY


def heads(latitude: float = 37.0, longitude: float = -122.0, **columns: float) -> PersonHeads:
    fields = {
        "birth_day": TODAY - 31 * 365 - 50,
        "gender": 1,
        "seeks": 4,
        "age_min": 25,
        "age_max": 40,
        "max_distance_km": 50.0,
    }
    table = person_table([42], [latitude], [longitude], **(fields | columns))
    return decode_heads(encode_head(table, latitude, longitude, 1, 1))


def viewer(**columns: float) -> Viewer:
    return viewer_of(heads(**columns).people, 0)


def test_a_viewer_without_a_row_has_no_profile() -> None:
    with pytest.raises(ProfileMissing):
        asker_of(decode_heads([None]), Filters(), TODAY)


def test_a_viewer_who_never_said_where_they_are_has_no_location() -> None:
    nowhere = heads().head.copy()
    nowhere["latitude"] = np.nan
    with pytest.raises(LocationMissing):
        asker_of(PersonHeads(nowhere, np.array([True])), Filters(), TODAY)


def test_filters_narrow_the_preferences() -> None:
    asked = asker_of(heads(), Filters(age_min=30, age_max=35, max_distance_km=10), TODAY).viewer
    assert (asked.age_min, asked.age_max, asked.max_distance_km) == (30, 35, 10)


def test_filters_never_widen_the_preferences() -> None:
    asked = asker_of(heads(), Filters(age_min=18, age_max=99, max_distance_km=500), TODAY).viewer
    assert (asked.age_min, asked.age_max, asked.max_distance_km) == (25, 40, 50)


@pytest.mark.parametrize(
    ("asked", "counts"), [(0.1, 2), (2.0, 2), (4.99, 2), (5.0, 5), (9.0, 5), (49.9, 25), (75.0, 50)]
)
def test_a_distance_filter_counts_in_the_steps_in_which_distances_are_told(
    asked: float, counts: float
) -> None:
    narrowed = asker_of(heads(), Filters(max_distance_km=asked), TODAY).viewer
    assert narrowed.max_distance_km == counts


def test_a_filter_below_the_smallest_step_widens_no_preference() -> None:
    asker = asker_of(heads(max_distance_km=1.0), Filters(max_distance_km=0.5), TODAY)
    assert asker.viewer.max_distance_km == 1.0


def test_without_preferences_a_viewer_sees_every_gender_of_about_their_age() -> None:
    unset = with_defaults(viewer(seeks=0, age_min=18, age_max=120), TODAY)
    assert (unset.seeks, unset.age_min, unset.age_max) == (0b1110, 21, 41)


def test_set_preferences_stay_as_they_are() -> None:
    assert with_defaults(viewer(), TODAY) == viewer()
    assert with_defaults(viewer(seeks=0), TODAY).age_max == 40


@pytest.mark.parametrize(
    ("km", "bucket"),
    [(0.0, 2), (1.99, 2), (2.01, 5), (9.9, 10), (49.9, 50), (99.0, 100), (20_000.0, 20_100)],
)
def test_a_distance_is_told_as_the_bound_it_is_below(km: float, bucket: int) -> None:
    here = viewer(latitude=-90.0, longitude=0.0)
    there = person_table(
        [1],
        [-90.0 + np.degrees(km / 6371.0088)],
        [0.0],
        birth_day=0,
        gender=1,
        seeks=14,
        age_min=18,
        age_max=99,
        max_distance_km=1.0,
    )
    assert bucket_km(here, there) == [bucket]


def test_the_largest_bucket_holds_the_other_end_of_the_world() -> None:
    assert DISTANCE_BUCKETS_KM[-1] > np.pi * 6371.0088


@given(st.lists(st.floats(-8, 0), min_size=1, max_size=5), st.floats(0.05, 2))
def test_propensities_of_all_decks_sum_to_one(scores: list[float], tau: float) -> None:
    size = min(2, len(scores))
    decks = {
        order[:size]: np.prod(propensities(np.array([scores[i] for i in order]), tau, size))
        for order in permutations(range(len(scores)))
    }
    assert sum(decks.values()) == pytest.approx(1.0)


@given(st.lists(st.floats(-8, 0), min_size=2, max_size=6), st.floats(0.05, 2))
def test_the_card_at_the_end_of_everybody_is_certain(scores: list[float], tau: float) -> None:
    assert propensities(np.array(scores), tau, 100)[-1] == pytest.approx(1.0)


def test_nobody_left_has_no_propensities() -> None:
    assert propensities(np.empty(0), 0.3, 20) == []
