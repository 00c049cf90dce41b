"""Measurements are made once, kept while what they depend on stays, and ended in time."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cli.evaluate import kept
from cli.evaluate.kept import Row, Shelf, code_hash
from cli.evaluate.plan import MINUTES, Budget, Found, Plan, Say
from cli.evaluate.running import Outcome, carry_out
from tests.cli.evaluate import plans

Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def carry(plan: Plan, budget: Budget = Budget.SMOKE) -> Outcome:
        kept, committed = (Shelf(tmp_path / name) for name in ("kept.json", "committed.json"))
        return carry_out(plan, budget, tmp_path, kept, committed, lambda what: None)

    return carry


def ran(folder: Path) -> list[str]:
    return (folder / plans.RAN).read_text().split()


def test_rows_carry_what_was_found(run: Run) -> None:
    first, second = run(plans.two).rows
    seconds = first["seconds"]
    assert first == Row(
        task="tiny",
        measure="auc",
        method="a",
        value=0.4,
        low=0.1,
        high=0.9,
        reference=0.5,
        seconds=seconds,
        seed=0,
        budget="smoke",
    )
    assert second["method"] == "b"


def test_what_is_kept_is_not_measured_again(run: Run, tmp_path: Path) -> None:
    first = run(plans.two)
    again = run(plans.two)
    assert (again.rows, again.measured) == (first.rows, [])
    assert ran(tmp_path) == ["a", "b"]


def test_what_depends_on_something_that_changed_is_measured_again(run: Run, tmp_path: Path) -> None:
    run(plans.two)
    found = run(plans.one_more)
    assert [row["method"] for row in found.measured] == ["b", "c"]
    assert found.measured[1]["value"] is None
    assert ran(tmp_path) == ["a", "b", "b", "c"]


def test_rows_of_full_are_printed_by_every_budget(run: Run) -> None:
    run(plans.two, Budget.FULL)
    assert [(r["budget"], r["method"]) for r in run(plans.two).rows] == [
        ("full", "a"),
        ("full", "b"),
        ("smoke", "a"),
        ("smoke", "b"),
    ]


def test_what_full_has_measured_alike_is_not_measured_again(run: Run, tmp_path: Path) -> None:
    run(plans.one_whatever_the_budget, Budget.FULL)
    found = run(plans.one_whatever_the_budget)
    assert [(r["budget"], r["method"]) for r in found.rows] == [("full", "a")]
    assert ran(tmp_path) == ["a"]


def test_the_hash_covers_who_asks_and_what_is_named(tmp_path: Path) -> None:
    measurement = plans.two(Budget.SMOKE, tmp_path)[0]
    elsewhere = replace(measurement, run=partial(_asks, tmp_path))
    named = replace(measurement, alone=("training.tuning",))
    simulated = replace(measurement, modules=(*measurement.modules, "simulator.geography"))
    hashes = {code_hash(each) for each in (measurement, elsewhere, named, simulated)}
    assert len(hashes) == 4


def test_a_module_is_what_it_does_and_not_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurement = plans.two(Budget.SMOKE, tmp_path)[0]
    here = Path(plans.__file__)

    def hash_of(text: str) -> str:
        (tmp_path / "plans.py").write_text(text)
        for cached in (kept._file_hash, kept._module_hash, kept._sources):
            cached.cache_clear()
        changed = {plans.__name__: tmp_path / "plans.py"}
        monkeypatch.setattr(kept, "_file", lambda name: changed.get(name) or real(name))
        return code_hash(measurement)

    real, text = kept._file, here.read_text()
    same = hash_of(text)
    assert hash_of(text.replace("Two quick measurements", "Other words")) == same
    assert hash_of(text.replace("import os\n", "import os  # for its own end\n")) == same
    assert hash_of(text.replace('"tiny/bad"', '"tiny/worse"')) != same


def _asks(folder: Path, say: Say) -> list[Found]:
    return []


def test_without_its_data_a_measurement_is_left_out_but_kept_rows_hold(
    run: Run, tmp_path: Path
) -> None:
    found = run(plans.with_file)
    assert found.rows == []
    assert "set.csv is not there" in found.left_out[0]
    data = tmp_path / "set.csv"
    data.write_text("1\n")
    assert len(run(plans.with_file).measured) == 1
    data.unlink()
    assert len(run(plans.with_file).rows) == 1


def test_a_failure_names_the_measurement_and_loses_nothing(run: Run, tmp_path: Path) -> None:
    found = run(plans.failing)
    assert [row["method"] for row in found.measured] == ["a"]
    assert re.search(r"tiny/bad[\s\S]*no such column", str(found.failed))
    assert [row["method"] for row in run(plans.two).measured] == ["b"]
    assert ran(tmp_path) == ["a", "b"]


def test_a_process_that_ends_by_itself_is_no_lack_of_time(run: Run) -> None:
    found = run(plans.dying)
    assert [row["method"] for row in found.rows] == ["a"]
    assert "exit code -9" in str(found.failed)


def test_what_is_not_finished_in_time_is_said_and_the_rest_is_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(plans.two)
    monkeypatch.setitem(MINUTES, Budget.SMOKE, 0.05)
    found = run(plans.hanging)
    assert [row["method"] for row in found.rows] == ["a"]
    assert "tiny/slow: not finished" in found.left_out[0]
