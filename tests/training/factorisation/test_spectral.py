"""The closed form and the graph filter, against the same written out with dense matrices."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from training.factorisation.interactions import Interactions, NoLikes
from training.factorisation.spectral import GraphFilter, Spectral


def some_likes(seed: int, users: int = 30, items: int = 24) -> csr_matrix:
    rng = np.random.default_rng(seed)
    dense = (rng.random((users, items)) < 0.3).astype(np.float32)
    dense[3] = 0.0
    dense[:, 5] = 0.0
    return csr_matrix(dense)


def degree(likes: np.ndarray, axis: int) -> np.ndarray:
    sums = likes.sum(axis=axis)
    return np.where(sums > 0, sums, 1.0)


def test_scores_are_those_of_the_decomposition_written_out() -> None:
    likes = some_likes(0)
    how = Spectral(d=6, user_power=0.6, item_power=0.3, item_scale=0.2, singular_power=1.0)
    scores = how.fit(Interactions.of_likes(likes), seed=0).scores(np.arange(30))
    r = likes.toarray().astype(np.float64)
    user, item = degree(r, 1)[:, None], degree(r, 0)
    _, s, vt = np.linalg.svd(user**-0.6 * r * item**-0.3, full_matrices=False)
    kernel = vt[:6].T @ np.diag(s[:6]) @ vt[:6]
    expected = (r * item**-0.3) @ kernel * item**0.2
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_gf_cf_is_its_formula() -> None:
    likes = some_likes(1)
    scores = GraphFilter.fit(likes, seed=0, d=4, weight=0.3).scores(np.arange(30))
    r = likes.toarray().astype(np.float64)
    root = np.sqrt(degree(r, 0))
    smooth = r / np.sqrt(degree(r, 1))[:, None] / root
    _, _, vt = np.linalg.svd(smooth, full_matrices=False)
    expected = r @ smooth.T @ smooth + 0.3 * (r / root) @ vt[:4].T @ vt[:4] * root
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_folding_in_adds_up_what_each_like_adds() -> None:
    likes = some_likes(2)
    tables = Spectral(d=5).fit(Interactions.of_likes(likes), seed=0)
    folded = Spectral(d=5).fold_in(tables, Interactions.of_likes(likes[7:9]))
    np.testing.assert_allclose(folded.user, tables.user[7:9], atol=1e-6)


def test_empty_rows_and_columns_score_nothing_and_break_nothing() -> None:
    scores = Spectral(d=5).fit(Interactions.of_likes(some_likes(3)), 0).scores(np.arange(30))
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores[3], 0.0, atol=1e-6)


def test_nobody_likes_anything() -> None:
    nothing = Interactions.of_likes(csr_matrix(np.zeros((4, 5), np.float32)))
    with pytest.raises(NoLikes):
        Spectral(d=2).fit(nothing, seed=0)
