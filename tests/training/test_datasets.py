"""What the lake holds becomes arrays, or a clear refusal."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.lake import append_rows
from features.lake_eraser import erase_people
from tests.training.worlds import UNTIL, market, profiles_table, swipes_table
from training.build import (
    TrainingSettings,
    evaluate,
    fit_from_arrays,
    with_ranker,
)
from training.datasets import NothingToLearn, TooFewDays, datasets_of, prepare
from training.snapshot import NoProfiles

N = 40
RNG = np.random.default_rng(0)
PROFILES = profiles_table(
    np.where(np.arange(N) % 2, 1, 2), np.full(N, 30), np.zeros(N, np.int64), RNG
)
WHEN = np.linspace(0, 0.999, 30)


def test_the_lake_is_read_up_to_the_window_s_end(tmp_path: Path) -> None:
    world = market(people=60, swipes_each=10)
    append_rows(tmp_path, "profiles", world.profiles, "import-a-000000")
    append_rows(tmp_path, "swipes", world.swipes, "import-b-000000")
    whole = prepare(tmp_path, world.now, world.now)
    assert len(whole.swipes) == world.swipes.num_rows
    earlier = world.now - timedelta(days=3)
    part = prepare(tmp_path, world.now, earlier)
    kept = whole.swipes.at_ms < earlier.timestamp() * 1000
    np.testing.assert_array_equal(part.swipes.at_ms, whole.swipes.at_ms[kept])
    assert part.data_hash != whole.data_hash


def test_whoever_is_withdrawn_is_known_by_id_and_stays_in_the_table(tmp_path: Path) -> None:
    world = market(people=60, swipes_each=10)
    append_rows(tmp_path, "profiles", world.profiles, "import-a-000000")
    append_rows(tmp_path, "swipes", world.swipes, "import-b-000000")
    usual = prepare(tmp_path, world.now, world.now)
    assert not usual.withdrawn.any() and len(usual.withdrawn) == 60
    # The last was withdrawn and is not in the lake any more.
    barred = prepare(tmp_path, world.now, world.now, withdrawn=[11, 7, 999_999])
    ids = barred.people.table["person_id"]
    assert sorted(ids[barred.withdrawn].tolist()) == [7, 11]
    np.testing.assert_array_equal(barred.people.table, usual.people.table)
    assert barred.data_hash != usual.data_hash


def test_what_was_taken_back_or_swiped_on_somebody_erased_teaches_nothing(tmp_path: Path) -> None:
    world = market(people=60, swipes_each=10)
    append_rows(tmp_path, "profiles", world.profiles, "import-a-000000")
    append_rows(tmp_path, "swipes", world.swipes, "import-b-000000")
    place = world.swipes.schema.get_field_index("taken_back")
    undone = world.swipes.slice(0, 40).set_column(
        place, world.swipes.schema.field(place), pa.array([True] * 40)
    )
    ids = pa.array([f"undone-{n}" for n in range(40)])
    append_rows(
        tmp_path,
        "swipes",
        undone.set_column(0, undone.schema.field(0), ids),
        "swipe.recorded-0-0-39",
    )
    erase_people(tmp_path, [7], 0)
    stands = world.swipes.slice(40)
    others = (stands["swiper"].to_numpy() != 7) & (stands["swiped"].to_numpy() != 7)
    found = prepare(tmp_path, world.now, world.now)
    assert (len(found.people), len(found.seen)) == (59, others.sum())


def test_an_empty_lake_has_no_profiles(tmp_path: Path) -> None:
    with pytest.raises(NoProfiles):
        prepare(tmp_path, UNTIL, UNTIL)


@pytest.mark.parametrize("action", [1, 2])
def test_one_outcome_only_teaches_nothing(action: int) -> None:
    swipes = swipes_table(np.ones(30), 2 + np.arange(30), np.full(30, action), WHEN)
    with pytest.raises(NothingToLearn):
        datasets_of(PROFILES, swipes, UNTIL, UNTIL)


def test_two_days_cannot_be_split() -> None:
    swipes = swipes_table(np.ones(30), 2 + np.arange(30), 1 + np.arange(30) % 2, 0.9 + WHEN / 10)
    with pytest.raises(TooFewDays):
        datasets_of(PROFILES, swipes, UNTIL, UNTIL)


def test_the_last_swipe_of_a_pair_counts_and_strangers_do_not() -> None:
    swipes = swipes_table(
        [1, 1, 1, 1, 3, 99], [2, 2, 4, 1, 2, 2], [2, 1, 2, 1, 1, 1], [0.5, 0.1, 0.2, 0.3, 0.99, 0.4]
    )
    datasets = datasets_of(PROFILES, swipes, UNTIL, UNTIL)
    ids = datasets.people.table["person_id"]
    s = datasets.swipes
    rows = list(
        zip(ids[s.viewer].tolist(), ids[s.candidate].tolist(), s.action.tolist(), strict=True)
    )
    assert rows == [(1, 4, 2), (1, 2, 2), (3, 2, 1)]


def test_oddities_are_learned_around() -> None:
    """Only passes, likes for everybody, nobody's candidate, nobody seen, a third gender alone."""
    gender = np.where(np.arange(N) % 2, 1, 2)
    gender[N - 1] = 3
    profiles = profiles_table(gender, RNG.integers(18, 80, N), np.zeros(N, np.int64), RNG)
    viewer, candidate = np.repeat([1, 2, 3, 4, 5], 15), np.tile(6 + np.arange(15), 5)
    action = np.where(viewer == 1, 2, np.where(viewer == 2, 1, RNG.integers(1, 4, 75)))
    swipes = swipes_table(viewer, candidate, action, RNG.random(75))
    datasets = datasets_of(profiles, swipes, UNTIL, UNTIL)
    fitted = fit_from_arrays(datasets, TrainingSettings(), 0)
    model = fitted.final
    for array in (model.factors.taste, model.factors.appeal, model.line, model.rates.given):
        assert np.isfinite(array).all()
    rows = datasets.people.rows_of([1, 2])
    assert model.rates.given[rows[0]] < model.rates.given[rows[1]]
    assert np.isfinite(evaluate(datasets, with_ranker(datasets, fitted, 0), 0).tau)
