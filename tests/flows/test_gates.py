"""What a release must show, and what is too little to tell."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from flows import gates
from tests.features.releases import tiny_release


def test_gates_let_a_market_pass_that_is_too_small_to_measure() -> None:
    nan = float("nan")
    unmeasured = {"auc_learned": nan, "auc_popularity": nan, "calibration_error": 0.3}
    assert all(g.passed for g in gates.judge({**unmeasured, "held_out_swipes": 5.0}, None, True))


def test_a_release_must_not_lose_people_or_quality_against_the_champion() -> None:
    good = {
        "auc_learned": 0.80,
        "auc_calibrated": 0.80,
        "auc_popularity": 0.70,
        "calibration_error": 0.01,
        "retrieval_recall_at_20": 1.0,
        "held_out_swipes": 90_000.0,
        "people": 1000.0,
    }
    worse = {**good, "auc_learned": 0.71, "auc_calibrated": 0.71, "people": 500.0}
    refused = {g.name for g in gates.judge(worse, good, True) if not g.passed}
    assert refused == {"as good as the champion", "as many people"}
    assert all(g.passed for g in gates.judge(good, good, True))


def test_a_ranker_must_not_tell_likes_worse_than_the_calibration_it_corrects() -> None:
    shown = {"auc_learned": 0.80, "auc_calibrated": 0.82}
    found = gates.judge({**shown, "held_out_swipes": 90_000.0}, None, True)
    assert {g.name for g in found if not g.passed} == {"no worse for its ranker"}
    # So few swipes cannot tell.
    assert all(g.passed for g in gates.judge({**shown, "held_out_swipes": 900.0}, None, True))


def test_nobody_is_paid_for_being_shown(tmp_path: Path) -> None:
    release = tiny_release(tmp_path / "1")
    for price, refused in ((0.5, []), (-0.5, ["prices"])):
        nats = np.array(release.arrays.price_nats)
        nats[3, 2] = price
        priced = replace(release, arrays=replace(release.arrays, price_nats=nats))
        found = gates.judge(gates.metrics_of(priced), None, gates.is_finite(priced))
        assert [g.name for g in found if not g.passed] == refused
    for name in ("price_nats", "price_knots"):
        values = np.array(getattr(release.arrays, name))
        values[3, 2] = np.nan
        priced = replace(release, arrays=replace(release.arrays, **{name: values}))
        assert not gates.is_finite(priced)


def test_a_release_that_has_learned_looks_is_refused() -> None:
    of_photos = {"photo_directions": 8.0, "photo_audit_low": 0.011, "photo_audit_high": 0.021}
    for passed in (0.0, 1.0):
        found = gates.judge({**of_photos, "photo_audit_passed": passed}, None, True)
        refused = [g.name for g in found if not g.passed]
        assert refused == ([] if passed else ["photos tell nobody's looks"])


def test_photos_that_could_not_be_audited_are_refused_and_no_photos_are_not_asked_for() -> None:
    unaudited = gates.judge({"photo_directions": 8.0}, None, True)
    assert [g.name for g in unaudited if not g.passed] == ["photos tell nobody's looks"]
    without = gates.judge({"photo_directions": 0.0}, None, True)
    assert "photos tell nobody's looks" not in {g.name for g in without}
