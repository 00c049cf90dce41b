"""Parts that stand for all, and lists that grow without saying anything twice."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.market.samples import Sample
from training.market.shortlists import NOBODY, Shortlists


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=5), st.integers(1, 60))
def test_a_sample_is_of_the_ranges_and_knows_its_share(
    gaps: list[tuple[int, int]], most: int
) -> None:
    ranges, at = [], 0
    for gap, length in gaps:
        ranges.append((at + gap, at + gap + length))
        at += gap + length
    everything = np.concatenate([np.arange(0), *(np.arange(*each) for each in ranges)])
    found = Sample.of(ranges, most, np.random.default_rng(0))
    assert len(found.rows) == len(set(found.rows.tolist())) <= most
    assert set(found.rows.tolist()) <= set(everything.tolist())
    assert np.all(np.diff(found.rows) > 0)
    if len(everything):
        assert found.share == len(found.rows) / len(everything)
    half = found.at_most(max(1, len(found.rows) // 2), np.random.default_rng(1))
    assert half.share <= found.share
    assert set(half.rows.tolist()) <= set(found.rows.tolist())


def test_a_longer_list_names_nobody_twice() -> None:
    one = Shortlists.of([[1, 2], [3, NOBODY]], [[0.5, 0.4]] * 2, [[0.3, 0.2]] * 2, [1, 1])
    more = Shortlists.of([[2, 5], [4, 3]], [[0.4, 0.1]] * 2, [[0.2, 0.9]] * 2, [1, 1])
    both = one.with_more(more)
    assert both.candidates.tolist() == [[1, 2, NOBODY, 5], [3, NOBODY, 4, NOBODY]]
    assert np.isneginf(both.log_match()[0, 2])
    assert both.log_match()[0, 3] == more.log_match()[0, 1]
