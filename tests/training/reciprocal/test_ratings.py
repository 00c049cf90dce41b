"""Ratings are what they claim to be, and a pair stays together when they are divided."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.factorisation.interactions import OutOfRange
from training.rated_swipes import read_ratings
from training.reciprocal.ratings import NotARating, Parts, Ratings, joined


@pytest.mark.parametrize(("rater", "rated"), [([0, 3], [1, 2]), ([0, -1], [1, 2]), ([0], [3])])
def test_ids_out_of_range_are_refused(rater: list[int], rated: list[int]) -> None:
    with pytest.raises(OutOfRange):
        Ratings.of(3, rater, rated, [5] * len(rater))


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("rating", [np.nan, 0.0, 11.0, 7.5, np.inf])
def test_what_is_no_rating_is_refused(rating: float) -> None:
    with pytest.raises(NotARating):
        Ratings.of(3, [0, 1], [1, 2], [5.0, rating])


def test_pairs_with_both_sides_are_found_the_viewer_first() -> None:
    ratings = Ratings.of(4, [2, 0, 1, 3, 0], [0, 1, 0, 0, 2], [1, 2, 3, 4, 5])
    sides = ratings.of_both()
    assert sides.there.tolist() == [1, 4]
    assert sides.back.tolist() == [2, 0]


def test_nobody_has_no_pairs() -> None:
    assert len(Ratings.of(4, [], [], []).of_both().there) == 0


@settings(max_examples=50, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3), st.integers(0, 9))
def test_dividing_anew_keeps_every_rating_once_and_pairs_together(
    pairs: set[tuple[int, int]], seed: int
) -> None:
    rater, rated = np.array(sorted(pairs)).T
    everything = Ratings.of(10, rater, rated, 1 + (rater + rated) % 10)
    third = len(everything) // 3
    rows = np.arange(len(everything))
    parts = Parts(*(everything.take(rows[rows % 3 == i]) for i in range(3))).again(seed)
    assert third >= 1
    all_of = joined(parts.known(), parts.test)
    assert sorted(zip(all_of.rater, all_of.rated, all_of.rating, strict=True)) == sorted(
        zip(everything.rater, everything.rated, everything.rating, strict=True)
    )
    of_parts = [set(each.pair.tolist()) for each in (parts.train, parts.validation, parts.test)]
    assert not (of_parts[0] & of_parts[1] | of_parts[0] & of_parts[2] | of_parts[1] & of_parts[2])


def test_a_tenth_of_the_pairs_each_is_held_out() -> None:
    rater, rated = np.nonzero(~np.eye(40, dtype=bool))
    everything = Ratings.of(40, rater, rated, np.full(len(rater), 5))
    nothing = everything.take(np.zeros(0, np.int64))
    parts = Parts(everything, nothing, nothing).again(0)
    pairs = 40 * 39 // 2
    assert [len(each) for each in (parts.train, parts.validation, parts.test)] == [
        2 * round(0.8 * pairs),
        2 * round(0.1 * pairs),
        2 * round(0.1 * pairs),
    ]
    assert np.array_equal(parts.test.pair, Parts(everything, nothing, nothing).again(0).test.pair)
    again = Parts(everything, nothing, nothing).again(1)
    assert not np.array_equal(parts.test.pair, again.test.pair)


def test_the_three_parts_are_read_and_joined(tmp_path: Path) -> None:
    rows = {"train": [(0, 1, 8), (2, 1, 10)], "validation": [(1, 2, 1)], "test": [(0, 3, 9)]}
    for part, of_part in rows.items():
        lines = ["rater,rated,rating", *(",".join(map(str, row)) for row in of_part)]
        (tmp_path / f"{part}.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    parts = Parts.read(tmp_path)
    assert [len(each) for each in (parts.train, parts.validation, parts.test)] == [2, 1, 1]
    everything = read_ratings(tmp_path)
    assert everything.people == 4
    assert everything.rater.tolist() == [0, 2, 1, 0]
    assert everything.rating.tolist() == [8, 10, 1, 9]
