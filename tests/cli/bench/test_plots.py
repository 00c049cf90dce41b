"""What the plots of all benchmarks share."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.bench.plots import drawing, machine
from cli.main import app
from tests.cli.bench.drawn import words_of

ARGUMENTS = ("bench", "deck", "--people", "1000000", "--svg", f"docs/{'long/' * 40}a b.svg")


def test_below_a_plot_stand_its_figures_the_machine_and_the_whole_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", *ARGUMENTS])
    drawn = [tmp_path / name / "a.svg" for name in ("one", "two")]
    for path in drawn:
        with drawing(path, "A title", "p50 1.2 ms", (7, 3)) as figure:
            figure.subplots().plot([1, 2], [3, 4], label="a line")
    words = words_of(drawn[0])
    assert "A title" in words
    assert f"p50 1.2 ms {machine()} gravity bench deck --people 1000000 --svg" in words
    assert words.replace(" ", "").count("long/") == 40
    # No time and no random id: a plot changes in Git only with its figures.
    assert drawn[0].read_bytes() == drawn[1].read_bytes()


def test_a_file_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    shown = CliRunner().invoke(app, ["bench", "scale", "--svg", str(tmp_path / "file" / "a.svg")])
    assert shown.exit_code == 2
    assert "file" in shown.output
