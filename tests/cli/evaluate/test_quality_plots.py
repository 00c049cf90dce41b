"""Plans, and plots out of rows."""

from pathlib import Path

import pytest

from cli.evaluate import calibration, coldstart
from cli.evaluate.coldstart import _over_worlds
from cli.evaluate.kept import Row, row_of
from cli.evaluate.over_seeds import found_over_seeds
from cli.evaluate.plan import Budget, Found, Measurement


def _row(found: Found) -> Row:
    return row_of(found, Measurement("m", lambda _: [], ()), Budget.SMOKE, 1.0)


@pytest.mark.parametrize("budget", list(Budget))
def test_each_budget_has_its_measurements(budget: Budget, tmp_path: Path) -> None:
    names = [each.name for each in calibration.plan(budget, tmp_path)]
    assert names == ["simulated", "libimseti-resplit", "biased-logs"]
    assert [e.name for e in coldstart.plan(budget, tmp_path)] == ["simulated", "libimseti"]


def test_reliability_is_drawn_from_points(tmp_path: Path) -> None:
    points = ((0.1, 0.12), (0.5, 0.46))
    rows = [
        _row(Found("simulated", "ece", name, 0.02, better="lower", points=points))
        for name in ("gravity", "score-only")
    ]
    assert rows[0]["points"] == [(0.1, 0.12), (0.5, 0.46)]
    calibration.plot(rows, tmp_path / "a.svg")
    assert "gravity (0.020)" in (tmp_path / "a.svg").read_text()


def test_curves_are_drawn_over_the_swipes(tmp_path: Path) -> None:
    rows = [
        _row(found_over_seeds("simulated-viewers", f"auc_after_{n}_swipes", name, [0.7, 0.8]))
        for name in ("gravity-tower-fold-in", "fold-in")
        for n in (0, 5, 100)
    ]
    rows.append(_row(Found("simulated-viewers", "auc_after_0_swipes", "mean", 0.6)))
    coldstart.plot(rows, tmp_path / "c.svg")
    drawn = (tmp_path / "c.svg").read_text()
    assert "gravity-tower-fold-in" in drawn
    assert "mean" in drawn


def test_without_curves_nothing_is_drawn(tmp_path: Path) -> None:
    rows = [_row(Found("biased-logs", "rate_bias", "seen", 0.1))]
    for plot in (calibration.plot, coldstart.plot):
        plot(rows, tmp_path / "x.svg")
    assert not (tmp_path / "x.svg").exists()


def test_gains_are_paired_by_market() -> None:
    key = ("simulated-viewers", "auc_after_5_swipes")
    worlds = [
        {(*key, "gravity-tower-fold-in"): 0.8 + shift, (*key, "fold-in"): 0.7 + shift}
        for shift in (0.0, 0.05, 0.1)
    ]
    found = {(f.measure, f.method): f for f in _over_worlds(worlds)}
    gain = found["auc_gain_after_5_swipes", "gravity-tower-fold-in"]
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))
    mean = found["auc_after_5_swipes", "fold-in"]
    assert mean.low is not None
    assert mean.low < 0.7
