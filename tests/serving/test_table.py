"""What the table of a search leaves out is never eligible, and no score is above its bound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.eligibility import Candidates, eligible, viewer_of
from serving.table import SearchTable, bound_parts
from tests.serving.test_index_contract import LIMITS_KM, PLACES
from tests.serving.worlds import TODAY, World, world


def check(people: World, rng: np.random.Generator, viewers: int, d: int) -> float:
    """The share of the people whom the table leaves out for its viewers."""
    n = len(people)
    vectors = rng.normal(0, rng.uniform(0.01, 3.0, (n, 1)), (n, 2 * d + 3)).astype(np.float32)
    table, candidates = SearchTable.of(people.table, vectors), Candidates.of(people.table)
    left_out = 0
    for row in rng.integers(0, n, viewers).tolist():
        viewer = viewer_of(people.table, row)
        query = rng.normal(0, 2, 2 * d + 3).astype(np.float32)
        found = table.bounded(viewer, TODAY, query)
        rows = found.rows(np.arange(len(found.bounds)))
        assert len(np.unique(rows)) == len(rows)
        rest = np.setdiff1d(np.arange(n), rows)
        assert not eligible(viewer, candidates.take(rest), TODAY).any()
        assert np.all(found.bounds >= np.vecdot(vectors[rows], query))
        left_out += len(rest)
    return left_out / (n * viewers)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    place=st.sampled_from(PLACES),
    n=st.integers(1, 300),
    spread=st.sampled_from([0.0, 20.0, 3000.0]),
    km=st.sampled_from(LIMITS_KM),
    d=st.sampled_from([1, 8, 64]),
)
def test_it_leaves_out_nobody_who_is_eligible(
    seed: int, place: tuple[float, float], n: int, spread: float, km: float, d: int
) -> None:
    rng = np.random.default_rng(seed)
    people = world(rng, n, place, spread)
    people.table["max_distance_km"] = km
    check(people, rng, 5, d)


@pytest.mark.parametrize("in_order", [True, False])
def test_many_blocks_leave_most_people_out_whatever_the_order_of_the_rows(in_order: bool) -> None:
    rng = np.random.default_rng(4)
    people = world(rng, 30_000, spread_km=150.0)
    people.table["gender"], people.table["seeks"] = rng.integers(1, 3, (2, 30_000)) * [[1], [2]]
    people.table["max_distance_km"] = 15.0
    if not in_order:
        rng.shuffle(people.table)
    share = check(people, rng, 20, 4)
    assert share > (0.95 if in_order else 0.7)


ALONG_THE_FIRST = np.array([[[1], [0]], [[1], [0]]], np.float32)


def test_halves_across_the_axes_and_lone_rates_are_bounded_by_just_their_product() -> None:
    vectors = np.array([[3, 4, 0, 0, 1, -2, 0.5], [-5, 0, 6, 8, 0, 0, 0]], np.float32)
    none = np.zeros((2, 2, 0), np.float32)
    assert bound_parts(vectors, none).T.tolist() == [
        [1.0, -2.0, 0.5, 5.0, 0.0],
        [0.0, 0.0, 0.0, 5.0, 10.0],
    ]
    assert bound_parts(vectors, ALONG_THE_FIRST).T.tolist() == [
        [1.0, -2.0, 0.5, 4.0, 0.0, 3.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 8.0, -5.0, 6.0],
    ]


def test_along_its_axes_a_bound_is_the_score() -> None:
    rng = np.random.default_rng(5)
    people = world(rng, 500, spread_km=20.0)
    # Two directions of sixteen hold all of either half.
    latent = rng.normal(0, 2, (2, 500, 2))
    halves = latent @ np.linalg.qr(rng.normal(0, 1, (2, 16, 2)))[0].transpose(0, 2, 1)
    rates = rng.normal(0, 1, (500, 3))
    vectors = np.concatenate((*halves, rates), axis=1).astype(np.float32)
    query = rng.normal(0, 2, 35).astype(np.float32)
    found = SearchTable.of(people.table, vectors).bounded(viewer_of(people.table, 0), TODAY, query)
    rows = found.rows(np.arange(len(found.bounds)))
    assert len(rows) > 20
    np.testing.assert_allclose(found.bounds, np.vecdot(vectors[rows], query), atol=0.01)
