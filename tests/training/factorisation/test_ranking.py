"""Recall and NDCG at 20 against the formula written out, user by user."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from training.factorisation.ranking import TOP, NothingHeldOut, judge


def by_hand(scores: np.ndarray, known: np.ndarray, held: np.ndarray) -> tuple[float, float]:
    """Of one user: what was held out and is among the 20 best of what is not known."""
    order = [i for i in np.argsort(-scores) if not known[i]][:TOP]
    hits = [bool(held[i]) for i in order]
    dcg = sum(1.0 / np.log2(place + 2.0) for place, hit in enumerate(hits) if hit)
    ideal = sum(1.0 / np.log2(place + 2.0) for place in range(min(TOP, int(held.sum()))))
    return sum(hits) / held.sum(), dcg / ideal


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), users=st.integers(2, 9), items=st.integers(45, 80))
def test_recall_and_ndcg_are_those_of_the_formula(seed: int, users: int, items: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(items, dtype=np.float32), (users, 1)), axis=1)
    known = rng.random((users, items)) < 0.2
    held = ~known & (rng.random((users, items)) < 0.3)
    # The first has nothing held out: nobody judges them.
    held[0] = False
    ranked = judge(lambda u: scores[u].copy(), csr_matrix(known), csr_matrix(held))
    wanted = [by_hand(scores[u], known[u], held[u]) for u in range(users) if held[u].any()]
    assert len(ranked.recall) == len(wanted)
    np.testing.assert_allclose(ranked.recall, [recall for recall, _ in wanted])
    np.testing.assert_allclose(ranked.ndcg, [ndcg for _, ndcg in wanted])


def test_nobody_with_anything_held_out_is_said() -> None:
    nothing = csr_matrix((3, 45))
    with pytest.raises(NothingHeldOut):
        judge(lambda u: np.zeros((len(u), 45), np.float32), nothing, nothing)
