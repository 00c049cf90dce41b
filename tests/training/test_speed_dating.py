"""Speed dating is read without what is sensitive, and judged on waves nobody learned from."""

import numpy as np
import numpy.typing as npt

from training.ranker import speed_dating
from training.ranker.speed_dating import SpeedDating, speed_dating_of
from training.ranker.wave_folds import (
    OURS,
    TREES,
    cross_fitted,
    match_logits,
    network_fit,
    tree_fit,
)

SENSITIVE = {"race", "race_o", "samerace", "imprace", "imprelig", "income", "from", "zipcode"}
ASKED_LATER = {"attr", "like", "prob", "met", "attr1_2", "match_es", "satis_2", "attr1_s", "dec_o"}


def evening(waves: int = 6, seed: int = 0) -> dict[str, npt.NDArray[np.float64]]:
    """Five men and five women a wave; who is near in age says yes."""
    rng = np.random.default_rng(seed)
    rows = []
    age = rng.integers(20, 40, waves * 10)
    for wave in range(waves):
        men, women = np.arange(5) + wave * 10, np.arange(5, 10) + wave * 10
        for a, b in [(m, w) for m in men for w in women]:
            p = 0.9 if abs(age[a] - age[b]) < 5 else 0.1
            rows += [(a, b, wave, 1, rng.random() < p), (b, a, wave, 0, rng.random() < p)]
    table = np.array(rows, np.float64)
    columns = {name: np.full(len(table), np.nan) for name in speed_dating._READ}
    columns |= dict(zip(("iid", "pid", "wave", "gender", "dec"), table.T, strict=True))
    answers = rng.integers(1, 10, (len(columns), waves * 10)).astype(np.float64)
    who = table[:, 0].astype(int)
    for i, name in enumerate(columns):
        if name not in ("iid", "pid", "wave", "gender", "dec", "age", "int_corr"):
            columns[name] = answers[i][who]
    columns["age"] = age[who].astype(np.float64)
    columns["int_corr"] = rng.normal(size=len(table))
    columns["sports"][::9] = np.nan
    return columns


def test_nothing_sensitive_or_later_is_read() -> None:
    assert not (SENSITIVE | ASKED_LATER).intersection(speed_dating._READ)


def test_the_other_s_decision_is_found_and_lone_ones_are_left_out() -> None:
    columns = evening()
    dates = speed_dating_of({name: values[1:] for name, values in columns.items()})
    assert len(dates) == len(columns["dec"]) - 2
    np.testing.assert_array_equal(dates.back[dates.back], np.arange(len(dates)))
    np.testing.assert_array_equal(dates.matched, dates.matched[dates.back])


def test_every_decision_is_predicted_by_who_did_not_see_its_wave() -> None:
    dates = speed_dating_of(evening())
    calls: list[tuple[set[int], set[int]]] = []

    def fit(
        learned: npt.NDArray[np.bool_], predicted: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float32]:
        calls.append((set(dates.wave[learned].tolist()), set(dates.wave[predicted].tolist())))
        return np.zeros(int(predicted.sum()), np.float32)

    cross_fitted(dates, [fit], 0)
    assert all(not learned & predicted for learned, predicted in calls)
    assert set.union(*(predicted for _, predicted in calls)) == set(range(6))
    calls.clear()
    cross_fitted(dates, [fit, fit], 0)
    assert all(not learned & predicted for learned, predicted in calls)


def accuracy(dates: SpeedDating, logits: npt.NDArray[np.float32]) -> float:
    return float(np.mean((logits > 0) == dates.yes))


def test_who_likes_their_own_age_is_found_by_both() -> None:
    dates = speed_dating_of(evening(waves=12))
    ours = cross_fitted(dates, [network_fit(dates, dates.yes, OURS, 0)], 0)
    trees = cross_fitted(dates, [tree_fit(dates, dates.yes, TREES, 0)], 0)
    assert accuracy(dates, ours) > 0.7
    assert accuracy(dates, trees) > 0.7


def test_the_logit_of_a_match_is_that_of_the_product() -> None:
    there, back = np.array([0.3, -2.0], np.float32), np.array([1.0, 5.0], np.float32)
    p = 1.0 / ((1.0 + np.exp(-there)) * (1.0 + np.exp(-back)))
    np.testing.assert_allclose(match_logits(there, back), np.log(p / (1.0 - p)), rtol=1e-4)
