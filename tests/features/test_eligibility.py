"""Eligibility against a scalar brute force written from the definitions, and its edges."""

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pytest
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from features.disk_cells import CellTable, table_order
from features.eligibility import (
    Candidates,
    CoordinatesInvalid,
    Viewer,
    age,
    ages,
    birthday_reached,
    distance_km,
    eligible,
    person_table,
    unit_vectors,
    viewer_of,
)

EPOCH = date(1970, 1, 1)
TODAY = (date(2026, 3, 1) - EPOCH).days
RADIUS = 6371.0088


@dataclass(frozen=True)
class Someone:
    person_id: int
    latitude: float
    longitude: float
    birth_day: int
    gender: int
    seeks: frozenset[int]
    age_min: int
    age_max: int
    max_distance_km: float
    visible: bool


def haversine(a: Someone, b: Someone) -> float:
    p, q = math.radians(a.latitude), math.radians(b.latitude)
    dp, dl = q - p, math.radians(b.longitude - a.longitude)
    h = math.sin(dp / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin(dl / 2) ** 2
    return 2 * RADIUS * math.asin(math.sqrt(min(1.0, h)))


def age_on(today: int, birth_day: int) -> int:
    now, born = EPOCH + timedelta(days=today), EPOCH + timedelta(days=birth_day)
    return now.year - born.year - ((now.month, now.day) < (born.month, born.day))


def accepts(a: Someone, b: Someone, today: int) -> bool:
    return b.gender in a.seeks and a.age_min <= age_on(today, b.birth_day) <= a.age_max


def brute(v: Someone, c: Someone, today: int) -> bool:
    return (
        c.visible
        and c.person_id != v.person_id
        and accepts(v, c, today)
        and accepts(c, v, today)
        and haversine(v, c) <= min(v.max_distance_km, c.max_distance_km)
    )


def table_of(people: list[Someone]) -> np.ndarray:
    return person_table(
        [p.person_id for p in people],
        [p.latitude for p in people],
        [p.longitude for p in people],
        birth_day=[p.birth_day for p in people],
        gender=[p.gender for p in people],
        seeks=[sum(1 << g for g in p.seeks) for p in people],
        age_min=[p.age_min for p in people],
        age_max=[p.age_max for p in people],
        max_distance_km=[p.max_distance_km for p in people],
        visible=[p.visible for p in people],
    )


PLACES = st.one_of(
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    st.tuples(st.floats(89.5, 90), st.floats(-180, 180)),
    st.tuples(st.floats(-90, -89.5), st.floats(-180, 180)),
    st.tuples(st.floats(-1, 1), st.sampled_from([-180.0, 180.0, 179.9, -179.9])),
    st.tuples(st.floats(37.2, 38.2), st.floats(-122.6, -121.6)),
    st.builds(
        lambda place, north, east: (place[0] + north, place[1] + east),
        st.sampled_from([h3.cell_to_latlng(cell) for cell in h3.get_pentagons(5)]),
        st.floats(-0.2, 0.2),
        st.floats(-0.2, 0.2),
    ),
)
LIMITS = st.sampled_from([1.0, 10.0, 50.0, 500.0, 5000.0, 19000.0, 30000.0])


@st.composite
def people(draw: st.DrawFn) -> list[Someone]:
    count = draw(st.integers(2, 12))
    return [
        Someone(
            person_id=1 + i,
            latitude=(place := draw(PLACES))[0],
            longitude=place[1],
            birth_day=TODAY - draw(st.integers(17 * 365, 40 * 366)),
            gender=draw(st.sampled_from([1, 2, 3])),
            seeks=draw(st.frozensets(st.sampled_from([1, 2, 3]), min_size=0)),
            age_min=draw(st.integers(18, 30)),
            age_max=draw(st.integers(25, 45)),
            max_distance_km=draw(LIMITS),
            visible=draw(st.booleans()),
        )
        for i in range(count)
    ]


@settings(max_examples=300, deadline=None)
@given(people())
def test_agrees_with_brute_force_for_every_pair(world: list[Someone]) -> None:
    table = table_of(world)
    candidates = Candidates.of(table)
    for row, viewer in enumerate(world):
        got = eligible(viewer_of(table, row), candidates, TODAY)
        expected = [brute(viewer, c, TODAY) for c in world]
        assert got.tolist() == expected


@settings(max_examples=100, deadline=None)
@given(people())
def test_is_the_same_both_ways_between_visible_people(world: list[Someone]) -> None:
    table = table_of(world)
    table["visible"] = True
    candidates = Candidates.of(table)
    rows = [eligible(viewer_of(table, row), candidates, TODAY) for row in range(len(world))]
    assert np.array_equal(np.array(rows), np.array(rows).T)


@settings(max_examples=200, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=60), PLACES, LIMITS)
def test_ranges_of_cells_hold_everybody_within_the_distance(
    places: list[tuple[float, float]], viewer: tuple[float, float], km: float
) -> None:
    lat, lon = np.array(places).T
    ordered = table_order(lat, lon)
    xyz = unit_vectors(lat, lon)[ordered.order]
    cells = CellTable.of(ordered.cell, *(np.ascontiguousarray(axis) for axis in xyz.T))
    point = unit_vectors(*viewer)[0]
    ranges = cells.rows_near(point, km)
    found = {row for start, stop in ranges for row in range(start, stop)}
    assert set(np.flatnonzero(distance_km(xyz, point) <= km).tolist()) <= found
    assert sorted(ranges) == ranges


def test_ranges_leave_the_far_cells_out() -> None:
    lat, lon = np.array([37.7, 37.7, -37.7]), np.array([-122.4, -122.4, 58.0])
    ordered = table_order(lat, lon)
    xyz = unit_vectors(lat, lon)[ordered.order]
    cells = CellTable.of(ordered.cell, *xyz.T)
    ranges = cells.rows_near(unit_vectors(37.7, -122.4)[0], 50.0)
    assert sum(stop - start for start, stop in ranges) == 2


@pytest.mark.parametrize(
    ("born", "today", "expected"),
    [
        (date(2000, 6, 15), date(2018, 6, 14), 17),
        (date(2000, 6, 15), date(2018, 6, 15), 18),
        (date(2004, 2, 29), date(2023, 2, 28), 18),
        (date(2004, 2, 29), date(2023, 3, 1), 19),
        (date(2004, 2, 29), date(2024, 2, 29), 20),
        (date(2003, 3, 1), date(2024, 2, 29), 20),
        (date(1931, 12, 31), date(2026, 1, 1), 94),
    ],
)
def test_ages_follow_the_calendar(born: date, today: date, expected: int) -> None:
    birth_day, now = (born - EPOCH).days, (today - EPOCH).days
    assert age(birth_day, now) == expected
    assert ages([birth_day], now).tolist() == [expected]


@given(st.dates(date(1900, 1, 1), date(2026, 1, 1)), st.dates(date(2026, 1, 1), date(2032, 12, 31)))
def test_birthday_bounds_agree_with_ages(born: date, today: date) -> None:
    birth_day, now = (born - EPOCH).days, (today - EPOCH).days
    years = age_on(now, birth_day)
    assert age(birth_day, now) == years == ages([birth_day], now)[0]
    assert birth_day <= birthday_reached(now, years)
    assert birth_day > birthday_reached(now, years + 1)


def test_a_distance_equal_to_the_limit_is_within_it() -> None:
    here, there = unit_vectors([0.0, 0.0], [0.0, 1.0])
    km = float(distance_km(here, there))
    candidates = Candidates.of(_pair_at(there_limit=30000.0))
    assert eligible(_viewer(km * (1 + 1e-12)), candidates, TODAY).all()
    assert not eligible(_viewer(km * (1 - 1e-12)), candidates, TODAY).any()


def test_the_tighter_limit_of_the_two_holds() -> None:
    assert not eligible(_viewer(30000.0), Candidates.of(_pair_at(there_limit=111.0)), TODAY).any()
    assert eligible(_viewer(30000.0), Candidates.of(_pair_at(there_limit=112.0)), TODAY).all()


@pytest.mark.parametrize("place", [(math.nan, 0.0), (0.0, math.inf), (90.1, 0.0), (0.0, -180.5)])
def test_refuses_coordinates_that_are_no_place(place: tuple[float, float]) -> None:
    with pytest.raises(CoordinatesInvalid):
        unit_vectors(*place)


def _viewer(km: float) -> Viewer:
    return Viewer.at(
        1, 0, 0, birth_day=0, gender=1, seeks=4, age_min=18, age_max=99, max_distance_km=km
    )


def _pair_at(there_limit: float) -> np.ndarray:
    return person_table(
        [2], [0.0], [1.0], birth_day=0, gender=2, seeks=2, age_min=18, age_max=99,
        max_distance_km=there_limit,
    )  # fmt: skip
