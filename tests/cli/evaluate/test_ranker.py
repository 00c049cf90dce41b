"""`gravity evaluate ranker`: what it plans, and its rows on a tiny evening of speed dating."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pcsv
import pytest

from cli.evaluate.kept import code_hash
from cli.evaluate.plan import Budget, Found
from cli.evaluate.ranker import plan
from cli.evaluate.ranker_speed_dating import measure
from tests.training.test_speed_dating import evening


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Found]:
    path = tmp_path_factory.mktemp("waves") / "waves.csv"
    columns = {name: pa.array(values) for name, values in evening(waves=8).items()}
    pcsv.write_csv(pa.table(columns), path)
    rows = measure(path, repeats=1, tuned=False, say=lambda what: None, draws=40)
    return {(row.method, row.measure): row for row in rows}


def test_both_tasks_are_planned_and_what_they_depend_on_has_a_hash(tmp_path: Path) -> None:
    for budget in Budget:
        measurements = plan(budget, tmp_path)
        assert [each.name for each in measurements] == ["simulated", "speed-dating"]
        assert len({code_hash(each) for each in measurements}) == 2
    assert plan(Budget.FULL, tmp_path)[1].missing() is not None


def test_a_pattern_that_can_be_learned_is_found_by_both(
    found: dict[tuple[str, str], Found],
) -> None:
    for method in ("gravity", "trees"):
        assert found[method, "auc"].value > 0.6
        assert found[f"{method}, product", "match_auc"].value > 0.6


def test_differences_are_those_of_the_rows_and_have_to_reach_nought(
    found: dict[tuple[str, str], Found],
) -> None:
    ours, trees = found["gravity", "auc"], found["trees", "auc"]
    difference = found["gravity minus trees", "auc_difference"]
    assert difference.value == pytest.approx(ours.value - trees.value)
    assert difference.reference == 0.0
    assert difference.low is not None
    assert difference.high is not None
    assert difference.low <= difference.value <= difference.high
