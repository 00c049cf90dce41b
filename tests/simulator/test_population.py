"""The population is OkCupid's: what they said stays, what was sensitive is never read."""

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.eligibility import ages
from features.lake_tables import PROFILES
from simulator.geography import draw_homes, in_water, read_places
from simulator.okcupid import read_okcupid
from simulator.population import DISTANCE_LIMITS_KM, DISTANCE_SHARES, draw_population

UNTIL = datetime(2024, 3, 1, tzinfo=UTC)
TODAY = int(UNTIL.timestamp()) // 86_400


@pytest.fixture(scope="module")
def people() -> pa.Table:
    return draw_population(3_000, UNTIL, seed=1)


def test_everybody_of_the_file_is_there() -> None:
    everybody = read_okcupid()
    assert len(everybody) == 59_946
    assert everybody.age.min() == 18
    assert everybody.is_woman.mean() == pytest.approx(0.402, abs=0.001)
    words = " ".join(sorted({str(word) for word in everybody.attributes["speaks"]}))
    assert "&" not in words


def test_only_named_attributes_leave_the_file(people: pa.Table) -> None:
    said = [json.loads(str(text)) for text in people["attributes"].to_pylist()]
    names = {name for one in said for name in one}
    assert names == {"education", "job", "diet", "drinks", "smokes", "speaks"}


def test_profiles_have_the_schema_of_the_lake_and_are_marked_as_simulated(
    people: pa.Table,
) -> None:
    assert people.schema == PROFILES
    assert people["person"].to_pylist() == list(range(1, 3_001))
    assert pc.all(people["simulated"]).as_py()
    for name in PROFILES.names:
        if name not in ("body_type", "height_cm"):
            assert people[name].null_count == 0, name


def test_a_subset_keeps_gender_orientation_and_age(people: pa.Table) -> None:
    everybody = read_okcupid()
    women = people["gender"].to_numpy() == 2
    assert women.mean() == pytest.approx(everybody.is_woman.mean(), abs=0.001)
    age = ages(people["birth_day"].to_numpy(), TODAY)
    assert np.median(age) == np.median(everybody.age)
    gay_women = sum(seeks == [2] for seeks in people.filter(pa.array(women))["seeks"].to_pylist())
    expected = np.mean(everybody.is_woman & (everybody.orientation == "gay")) * 3_000
    assert gay_women == pytest.approx(expected, abs=2)


def test_distance_limits_have_their_shares(people: pa.Table) -> None:
    limits = people["max_distance_km"].to_numpy()
    for limit, share in zip(DISTANCE_LIMITS_KM, DISTANCE_SHARES, strict=True):
        assert np.mean(limits == limit) == pytest.approx(share, abs=0.03)


def test_age_limits_are_in_order_and_adult(people: pa.Table) -> None:
    low, high = people["age_min"].to_numpy(), people["age_max"].to_numpy()
    assert low.min() >= 18
    assert np.all(low <= high)


def test_nobody_lives_in_the_water_and_cities_hold_their_share() -> None:
    homes = draw_homes(20_000, np.random.default_rng(1))
    assert not in_water(homes.latitude, homes.longitude).any()
    near_san_jose = (np.abs(homes.latitude - 37.30) < 0.15) & (
        np.abs(homes.longitude + 121.90) < 0.17
    )
    assert 0.15 < near_san_jose.mean() < 0.35


def test_water_is_where_it_is_and_towns_are_not_in_it() -> None:
    places = read_places()
    assert not in_water(places.latitude, places.longitude).any()
    # The middle of the bay, the Farallones' sea, and Golden Gate Park.
    points = in_water(np.array([37.80, 37.70, 37.77]), np.array([-122.36, -123.0, -122.48]))
    assert points.tolist() == [True, True, False]


def test_the_same_seed_gives_the_same_people() -> None:
    one, other = (draw_population(200, UNTIL, seed=3) for _ in range(2))
    assert one.equals(other)
    assert not one.equals(draw_population(200, UNTIL, seed=4))


def test_more_people_than_the_file_has_come_again_under_other_names() -> None:
    crowd = draw_population(60_500, UNTIL, seed=1)
    assert crowd.num_rows == 60_500
    assert pc.count_distinct(crowd["person"]).as_py() == 60_500
