"""What holds of every factorisation, in worlds with a known answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from training.factorisation.als import Als
from training.factorisation.interactions import Interactions, NoLikes, OutOfRange, decayed
from training.factorisation.logistic import Logistic
from training.factorisation.softmax import Softmax
from training.factorisation.trainer import Factorisation

TRAINERS = [
    Als(d=4, iterations=8, regularisation=1.0),
    Logistic(d=4, vector_variance=1.0, steps=200),
    Softmax(d=4, temperature=0.2, epochs=100, negatives=30, learning_rate=0.05),
]
trainers = pytest.mark.parametrize("trainer", TRAINERS, ids=lambda t: type(t).__name__)
DAY_MS = 86_400_000


def checkerboard(n: int, hidden: float, seed: int) -> Interactions:
    """People of even and odd rows like their own kind and pass on the other; some pairs unseen."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(np.flatnonzero(rng.random(n * n) > hidden), n)
    liked = (user + item) % 2 == 0
    return Interactions(n, n, user, item, liked, np.ones(len(user), np.float32))


def unseen_auc(scores: np.ndarray, seen: Interactions) -> float:
    """How often an unseen pair of the same kind scores above an unseen one of two kinds."""
    n = seen.users
    unseen = np.ones((n, n), bool)
    unseen[seen.user, seen.item] = False
    user, item = np.nonzero(unseen)
    same = (user + item) % 2 == 0
    values = scores[user, item]
    return float((values[same][:, None] > values[~same][None, :]).mean())


@trainers
def test_a_checkerboard_of_tastes_is_found(trainer: Factorisation) -> None:
    seen = checkerboard(40, hidden=0.4, seed=1)
    tables = trainer.fit(seen, seed=0)
    assert unseen_auc(tables.scores(np.arange(40)), seen) > 0.99


@trainers
def test_equal_seeds_give_equal_tables(trainer: Factorisation) -> None:
    seen = checkerboard(20, hidden=0.5, seed=2)
    first, again = trainer.fit(seen, seed=7), trainer.fit(seen, seed=7)
    np.testing.assert_array_equal(first.user, again.user)
    np.testing.assert_array_equal(first.item, again.item)
    np.testing.assert_array_equal(first.user_bias, again.user_bias)


@trainers
def test_who_has_no_interactions_scores_by_the_items_alone(trainer: Factorisation) -> None:
    seen = checkerboard(20, hidden=0.5, seed=3)
    kept = seen.user != 5
    part = replace(
        seen,
        user=seen.user[kept],
        item=seen.item[kept],
        liked=seen.liked[kept],
        weight=seen.weight[kept],
    )
    tables = trainer.fit(part, seed=0)
    blank = trainer.fold_in(tables, part).user[5]
    np.testing.assert_allclose(blank, 0.0, atol=1e-6)
    assert np.isfinite(tables.scores(np.arange(20))).all()


@trainers
def test_somebody_folded_in_gets_the_taste_of_their_likes(trainer: Factorisation) -> None:
    tables = trainer.fit(checkerboard(40, hidden=0.3, seed=4), seed=0)
    item = np.arange(10)
    newcomer = Interactions(
        1, 40, np.zeros(10, np.int64), item, item % 2 == 0, np.ones(10, np.float32)
    )
    scores = trainer.fold_in(tables, newcomer).scores(np.array([0]))[0]
    assert scores[10::2].min() > scores[11::2].max()


@trainers
def test_who_only_passes_and_who_likes_everyone_are_learned_from(trainer: Factorisation) -> None:
    seen = checkerboard(20, hidden=0.3, seed=5)
    liked = np.where(seen.user == 0, False, np.where(seen.user == 1, True, seen.liked))
    tables = trainer.fit(replace(seen, liked=liked), seed=0)
    scores = tables.scores(np.arange(20))
    assert np.isfinite(scores).all()
    # Cosines only order the items of one user.
    assert isinstance(trainer, Softmax) or scores[1].mean() > scores[0].mean()


@trainers
def test_a_window_without_likes_is_refused(trainer: Factorisation) -> None:
    seen = checkerboard(10, hidden=0.3, seed=6)
    with pytest.raises(NoLikes):
        trainer.fit(replace(seen, liked=np.zeros(len(seen), bool)), seed=0)


def test_ids_out_of_range_are_refused() -> None:
    one = np.ones(1, np.float32)
    for user, item in ((-1, 0), (0, -1), (3, 0), (0, 4)):
        with pytest.raises(OutOfRange):
            Interactions(3, 4, np.array([user]), np.array([item]), np.array([True]), one)


def test_als_fold_in_solves_the_normal_equations() -> None:
    """Against the equations written out: (Y'CY + lambda I) x = Y'C p."""
    trainer = Als(d=4, iterations=3, confidence=7.0, regularisation=2.0)
    seen = checkerboard(12, hidden=0.5, seed=8)
    weighted = replace(seen, weight=np.linspace(0.5, 2.0, len(seen), dtype=np.float32))
    tables = trainer.fit(weighted, seed=0)
    y = tables.item.astype(np.float64)
    for user in range(12):
        of_user = weighted.user == user
        confidence, preference = np.ones(12), np.zeros(12)
        confidence[weighted.item[of_user]] = 7.0 * weighted.weight[of_user]
        preference[weighted.item[of_user]] = weighted.liked[of_user]
        left = (y.T * confidence) @ y + 2.0 * np.eye(4)
        expected = np.linalg.solve(left, y.T @ (confidence * preference))
        np.testing.assert_allclose(tables.user[user], expected, rtol=1e-3, atol=1e-4)


def test_logistic_fold_in_is_where_training_ends() -> None:
    trainer = Logistic(d=2, steps=1500, learning_rate=0.02)
    seen = checkerboard(16, hidden=0.4, seed=9)
    tables = trainer.fit(seen, seed=0)
    folded = trainer.fold_in(tables, seen)
    np.testing.assert_allclose(folded.user, tables.user, atol=0.02)
    np.testing.assert_allclose(folded.user_bias, tables.user_bias, atol=0.02)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 400), st.integers(1, 90), st.floats(0.1, 10.0))
def test_weights_halve_with_each_half_life(age_days: int, half_life: int, weight: float) -> None:
    end = 1_000 * DAY_MS
    at = np.array([end - age_days * DAY_MS, end - (age_days + half_life) * DAY_MS])
    older = decayed(np.full(2, weight, np.float32), at, end, float(half_life))
    assert older[1] == pytest.approx(older[0] / 2, rel=1e-5)
    assert older[0] <= np.float32(weight)


def test_likes_of_a_matrix_are_its_entries() -> None:
    matrix = csr_matrix(np.array([[0, 1, 1], [0, 0, 0]], np.float32))
    found = Interactions.of_likes(matrix)
    assert (found.users, found.items, found.user.tolist(), found.item.tolist()) == (
        2,
        3,
        [0, 0],
        [1, 2],
    )
    np.testing.assert_array_equal(found.likes().toarray(), matrix.toarray())


def test_the_gradient_of_the_softmax_is_that_of_its_formula_written_out() -> None:
    rng = np.random.default_rng(3)
    likes = csr_matrix((rng.random((6, 9)) < 0.4).astype(np.float32))
    trainer, users, drawn = Softmax(d=3), np.array([0, 2, 5]), np.array([1, 4, 8])
    user, item = (torch.tensor(rng.standard_normal((n, 3)), requires_grad=True) for n in (6, 9))
    torch.autograd.backward(trainer.loss(likes, user, item, users, drawn))

    def written_out(u: np.ndarray, v: np.ndarray) -> float:
        cosine = u @ v.T / np.linalg.norm(u, axis=1)[:, None] / np.linalg.norm(v, axis=1)
        losses = [
            np.log1p(np.exp((cosine[a, drawn] - cosine[a, b]) / trainer.temperature).sum())
            for a in users
            for b in likes[a].indices
        ]
        return float(np.mean(losses))

    arrays = [user.detach().numpy(), item.detach().numpy()]
    for which, found in enumerate((user.grad, item.grad)):
        assert found is not None
        for at in np.ndindex(arrays[which].shape):
            moved = [array.copy() for array in arrays]
            moved[which][at] += 1e-6
            up = written_out(*moved)
            moved[which][at] -= 2e-6
            slope = (up - written_out(*moved)) / 2e-6
            assert found.numpy()[at] == pytest.approx(slope, abs=1e-6)


def test_evened_weights_make_users_or_items_count_alike() -> None:
    seen = checkerboard(20, hidden=0.5, seed=3)
    users = seen.evened(1.0, 0.0)
    totals = np.bincount(users.user, users.weight)
    np.testing.assert_allclose(totals, totals[0], rtol=1e-5)
    assert users.weight.mean() == pytest.approx(seen.weight.mean())
    assert np.ptp(np.bincount(seen.user, seen.weight)) > 1
    items = seen.evened(0.0, 1.0)
    np.testing.assert_allclose(np.ptp(np.bincount(items.item, items.weight)), 0.0, atol=1e-4)
    np.testing.assert_array_equal(seen.evened(0.0, 0.0).weight, seen.weight)


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0])
def test_a_weight_that_is_no_number_is_refused(weight: float) -> None:
    one = np.zeros(1, np.int64)
    with pytest.raises(OutOfRange, match="weight"):
        Interactions(1, 1, one, one, np.ones(1, bool), np.array([weight], np.float32))
