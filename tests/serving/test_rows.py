"""Leaving out the seen, whatever their ids look like."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.rows import unseen

# Many of the same last bits, beside any at all.
IDS = st.one_of(
    st.integers(0, 5).map(lambda n: (n << 16) + 7), st.integers(0, 200), st.integers(0, 2**62)
)


@given(
    people=st.lists(IDS, unique=True, max_size=40),
    seen=st.lists(st.lists(IDS, unique=True, max_size=20), max_size=3),
    data=st.data(),
)
def test_just_the_seen_are_left_out(
    people: list[int], seen: list[list[int]], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(people) - 1), unique=True)) if people else []
    out = {person for ids in seen for person in ids}
    left = unseen(
        np.array(rows, np.int64),
        np.array(people, np.int64),
        tuple(np.array(sorted(ids), np.int64) for ids in seen),
    )
    assert left.tolist() == [row for row in rows if people[row] not in out]
