"""`gravity evaluate market`: which rows it has, and what each is held against."""

from pathlib import Path

import pytest

from cli.evaluate.market import plan
from cli.evaluate.plan import Budget, Found

PUBLISHED = {
    ("tomita-yokoyama", "matches"): 16.5096,
    ("tomita-yokoyama", "envies"): 35.0,
    ("tomita-yokoyama", "envies_left"): 28.0,
    ("tomita-yokoyama", "envies_right"): 7.0,
    ("su-0", "matches"): 198.5,
    ("su-0.25", "matches"): 173.5,
    ("su-0.5", "matches"): 152.7,
    ("su-0.75", "matches"): 134.2,
    ("su-1", "matches"): 118.2,
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    measurements = plan(Budget.SMOKE, Path(tmp_path_factory.mktemp("nothing")))
    return [row for each in measurements for row in each.run(lambda what: None)]


def test_only_the_exact_method_is_held_against_what_was_published(rows: list[Found]) -> None:
    held = {(row.task, row.measure, row.method): row.reference for row in rows if row.reference}
    assert {method for _, _, method in held} == {"gravity-exact"}
    assert {(task, measure): value for (task, measure, _), value in held.items()} == PUBLISHED


def test_each_market_has_all_methods_and_where_both_get_lists_their_envies(
    rows: list[Found],
) -> None:
    methods = {task: {row.method for row in rows if row.task == task} for task, _ in PUBLISHED}
    for found in methods.values():
        assert found >= {"naive", "reciprocal", "gravity-exact", "gravity-table"}
        assert found >= {"gravity-single-price", "table, as served"}
    assert "gravity-nash" in methods["tomita-yokoyama"]
    measures = {row.task: {r.measure for r in rows if r.task == row.task} for row in rows}
    assert measures["tomita-yokoyama"] >= {"matches", "envies"}
    assert measures["su-0.5"] == {"matches"}


def test_the_exact_method_is_ahead_of_every_table(rows: list[Found]) -> None:
    value = {(row.task, row.method): row.value or 0.0 for row in rows if row.measure == "matches"}
    for task in {task for task, _ in PUBLISHED}:
        exact = value[task, "gravity-exact"]
        assert exact >= PUBLISHED[task, "matches"]
        for method in ("gravity-table", "gravity-single-price", "table, as served"):
            assert value[task, method] < 1.005 * exact
