"""`gravity evaluate reciprocal`: its measurements on tiny data, and what is drawn of them."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from cli.evaluate.plan import Budget, Found
from cli.evaluate.reciprocal import plan
from cli.evaluate.reciprocal_market import MarketSize, measure_market
from tests.training.reciprocal.worlds import noisy
from training.factorisation.logistic import Logistic
from training.reciprocal import swipe_sources
from training.reciprocal.ratings import FILES, Parts
from training.reciprocal.swipe_sources import Source


def _data(folder: Path) -> Path:
    """The files of a split of a small noisy world."""
    everything = noisy(100, 0.25)
    nothing = everything.take(np.zeros(0, np.int64))
    parts = Parts(everything, nothing, nothing).again(3)
    (folder / "libimseti").mkdir()
    for name, part in zip(FILES, (parts.train, parts.validation, parts.test), strict=True):
        rows = zip(part.rater, part.rated, part.rating.astype(int), strict=True)
        text = "rater,rated,rating\n" + "".join(f"{u},{v},{r}\n" for u, v, r in rows)
        (folder / "libimseti" / name).write_bytes(gzip.compress(text.encode()))
    return folder


def _silent(_: str) -> None:
    """Nobody listens."""


def _of(found: list[Found], task: str) -> dict[tuple[str, str], Found]:
    return {(each.method, each.measure): each for each in found if each.task == task}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    data = _data(tmp_path_factory.mktemp("data"))
    measurements = [each for each in plan(Budget.SMOKE, data) if each.name.startswith("libimseti")]
    return [row for each in measurements for row in each.run(_silent)]


def test_ours_is_ahead_where_there_is_taste_and_the_reference_is_the_published_figure(
    found: list[Found],
) -> None:
    rows = _of(found, "libimseti")
    ours = rows["gravity-graded", "rmse"]
    assert ours.value < rows["als-published", "rmse"].value
    assert ours.low is not None and ours.high is not None and ours.low < ours.value < ours.high
    assert (ours.reference, ours.better) == (2.06, "lower")
    assert rows["als-published", "rmse"].reference == 2.091
    assert rows["gravity-graded mutual product", "auc"].reference == 0.817
    assert rows["two-biases mutual minimum", "ap"].reference is None


def test_differences_on_re_splits_are_those_of_the_means(found: list[Found]) -> None:
    rows = _of(found, "libimseti-resplit")
    for measure, method in (("rmse", ""), ("auc", " mutual product"), ("ap", " mutual learned")):
        difference = rows[f"gravity-graded less als-published{method}", f"{measure}_difference"]
        wanted = (
            rows[f"gravity-graded{method}", measure].value
            - rows[f"als-published{method}", measure].value
        )
        assert difference.value == pytest.approx(wanted)
        assert difference.reference == 0.0
    smaller = rows["gravity-graded less als-published", "rmse_difference"]
    assert smaller.better == "lower"


def test_plans_name_their_data_and_full_also_tunes(tmp_path: Path) -> None:
    smoke, full = plan(Budget.SMOKE, tmp_path), plan(Budget.FULL, tmp_path)
    assert [each.missing() is not None for each in smoke].count(False) == 1
    more = {each.name for each in full} - {each.name for each in plan(Budget.STANDARD, tmp_path)}
    assert more == {
        "libimseti-validation/two-biases",
        "libimseti-validation/als-tuned",
        "libimseti-validation/gravity-graded",
    }


def test_decks_of_a_market_hold_a_share_of_the_best_and_both_sides_more_than_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = {
        "rates alone": [Source(None)],
        "logistic with biases": [Source(Logistic(d=2, steps=30))],
    }
    monkeypatch.setattr(swipe_sources, "SOURCES", quick)
    found = measure_market(MarketSize(1_500, 25.0, 40), 0, _silent)
    share = {each.method: each.value for each in found}
    assert all(0.0 < value <= 1.0 for value in share.values())
    assert share["gravity product"] > share["gravity one side"]
    assert share["logistic with biases product"] > share["logistic with biases one side"]
    assert "rates alone one side" not in share
