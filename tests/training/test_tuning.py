"""Tuning begins where it is told to, stays within its ranges, repeats, and finds the least loss."""

from collections.abc import Mapping

from training.tuning import Range, tune

RANGES = {
    "rate": Range(0.01, 100.0),
    "count": Range(1, 9, whole=True),
    "share": Range(0.0, 1.0, even=True),
}
START = {"rate": 50.0, "count": 2, "share": 0.9}


def loss(settings: Mapping[str, float]) -> float:
    wrong = (settings["rate"] / 3.0 - 1.0) ** 2 + (settings["count"] - 6) ** 2
    return wrong + (settings["share"] - 0.25) ** 2


def test_the_least_loss_is_found_and_equal_seeds_find_the_same() -> None:
    tried: list[Mapping[str, float]] = []

    def watched(settings: Mapping[str, float]) -> float:
        tried.append(dict(settings))
        return loss(settings)

    told: list[str] = []
    best = tune(watched, START, RANGES, 80, 0, told.append)
    assert tried[0] == START
    for settings in tried:
        assert all(RANGES[name].low <= settings[name] <= RANGES[name].high for name in RANGES)
        assert settings["count"] == int(settings["count"])
    assert best.loss == min(map(loss, tried)) == loss(best.settings)
    assert best.settings["count"] == 6
    assert best.loss < 0.3 < loss(START)
    assert len(told) == 80
    assert tune(loss, START, RANGES, 80, 0, told.append) == best
