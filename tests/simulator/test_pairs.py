"""Sets of pairs, against sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.pairs import found_in, with_more

KEYS = st.lists(st.integers(0, 40), max_size=30)


@given(st.lists(KEYS, max_size=4), KEYS)
def test_they_are_sets(batches: list[list[int]], asked: list[int]) -> None:
    keys, expected = np.zeros(0, np.int64), set[int]()
    for fresh in batches:
        keys = with_more(keys, np.array(fresh, np.int64))
        expected |= set(fresh)
        assert keys.tolist() == sorted(expected)
    found = found_in(keys, np.array(asked, np.int64))
    assert found.tolist() == [key in expected for key in asked]
