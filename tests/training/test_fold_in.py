"""One history has one taste, whoever folds it in."""

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from features.behaviour import Prior, logit, smoothed_rate
from features.fold_in import HISTORY_LIMIT, FoldIn, FoldInParameters, Histories

N, D = 40, 3
RNG = np.random.default_rng(0)
FOLD_IN = FoldIn(
    appeal=RNG.normal(0, 0.5, (N, D)).astype(np.float32),
    received_logit=RNG.normal(-0.5, 1.0, N).astype(np.float32),
    given_prior=Prior(2.0, 5.0),
    parameters=FoldInParameters(0.4, 0.9, 1.1, 2.0, 1.5),
)
SWIPES = st.lists(st.tuples(st.integers(0, N - 1), st.sampled_from([1, 2, 3])), max_size=30)


def histories(*people: list[tuple[int, int]]) -> Histories:
    swipes = [swipe for person in people for swipe in person]
    rows, actions = np.array(swipes, np.int64).reshape(-1, 2).T
    indptr = np.cumsum([0, *map(len, people)])
    return Histories(indptr.astype(np.int64), rows, actions.astype(np.uint8))


def brute_force(
    swipes: list[tuple[int, int]], prior: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """The ridge regression of the working response, rows written out."""
    w, likes = FOLD_IN.parameters, sum(action != 2 for _, action in swipes)
    rate = logit(smoothed_rate([likes], [len(swipes)], FOLD_IN.given_prior))[0]
    rows, target = [], []
    for row, action in swipes:
        y = FOLD_IN.appeal[row].astype(float)
        x = w.intercept + w.w_given * rate + w.w_received * FOLD_IN.received_logit[row] + y @ prior
        p = 1 / (1 + np.exp(-x))
        root = np.sqrt((w.superlike_weight if action == 3 else 1.0) * p * (1 - p))
        rows.append(root * np.r_[1.0, y])
        target.append(root * ((action != 2) - p) / (p * (1 - p)))
    ridge = np.sqrt(w.regularisation) * np.eye(D + 1)
    solved = np.linalg.lstsq(np.vstack([*rows, ridge]), np.r_[target, np.zeros(D + 1)], rcond=None)
    return np.asarray(prior + solved[0][1:])


@settings(max_examples=60, deadline=None)
@given(SWIPES)
def test_is_the_ridge_regression_written_out(swipes: list[tuple[int, int]]) -> None:
    prior = np.array([[0.3, -0.2, 0.1]], np.float32)
    taste = FOLD_IN.tastes(histories(swipes), prior)
    np.testing.assert_allclose(taste[0], brute_force(swipes, prior[0]), atol=1e-4)


def test_nobody_s_taste_depends_on_who_is_folded_in_beside_them() -> None:
    people = [[(1, 1), (2, 2)], [], [(5, 3)], [(7, 2), (8, 2), (1, 1)]]
    prior = RNG.normal(0, 0.3, (4, D)).astype(np.float32)
    together = FOLD_IN.tastes(histories(*people), prior)
    alone = [FOLD_IN.tastes(histories(p), prior[[i]])[0] for i, p in enumerate(people)]
    np.testing.assert_array_equal(together, np.stack(alone))
    np.testing.assert_array_equal(together[1], prior[1])


def test_swipes_before_the_latest_256_are_forgotten() -> None:
    rows = RNG.integers(0, N, HISTORY_LIMIT + 50)
    swipes = [(int(row), 1 + i % 2) for i, row in enumerate(rows)]
    zero = np.zeros((1, D), np.float32)
    every = FOLD_IN.tastes(histories(swipes), zero)
    np.testing.assert_array_equal(every, FOLD_IN.tastes(histories(swipes[-HISTORY_LIMIT:]), zero))


def test_a_like_moves_the_taste_towards_the_liked_and_a_pass_away() -> None:
    zero = np.zeros((1, D), np.float32)
    y = FOLD_IN.appeal[3]
    assert FOLD_IN.tastes(histories([(3, 1)]), zero)[0] @ y > 0
    assert FOLD_IN.tastes(histories([(3, 2)]), zero)[0] @ y < 0
    once, more = (FOLD_IN.tastes(histories([(3, action)]), zero)[0] @ y for action in (1, 3))
    assert more > once
