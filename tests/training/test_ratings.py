"""Ratings as swipes."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from features.fold_in import LIKE, PASS
from training.ratings import PARTS, Ratings
from training.reliability.resplits import held_out_folds

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "libimseti"


def _written(folder: Path) -> Path:
    parts = {
        "train": [(0, 1, 8), (1, 0, 7), (2, 1, 10)],
        "validation": [(1, 2, 1)],
        "test": [(0, 2, 9)],
    }
    for part in PARTS:
        lines = ["rater,rated,rating", *(",".join(map(str, row)) for row in parts[part])]
        (folder / f"{part}.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return folder


def test_eight_and_more_is_a_like(tmp_path: Path) -> None:
    ratings = Ratings.read(_written(tmp_path))
    swipes = ratings.swipes(ratings.part < 2, np.random.default_rng(0))
    found = {
        (int(u), int(v)): int(a)
        for u, v, a in zip(swipes.viewer, swipes.candidate, swipes.action, strict=True)
    }
    assert found == {(0, 1): LIKE, (1, 0): PASS, (2, 1): LIKE, (1, 2): PASS}
    assert ratings.people == 3
    assert ratings.part.tolist() == [0, 0, 0, 1, 2]


def test_both_directions_of_a_pair_are_in_one_fold(tmp_path: Path) -> None:
    ratings = Ratings.read(_written(tmp_path))
    for seed in range(20):
        fold = ratings.folds(2, np.random.default_rng(seed))
        assert fold[0] == fold[1]
        assert fold[2] == fold[3]


@pytest.mark.skipif(
    not SHARED.exists(), reason="LibímSeTi is not shipped: ../shared/data/libimseti is absent"
)
def test_probabilities_of_real_likes_come_true() -> None:
    first = next(held_out_folds(Ratings.read(SHARED), 10, seed=0))
    p = first.p["gravity"]
    assert abs(p.mean() - first.liked.mean()) < 0.02
