"""`gravity bench features`, small: that both find the same and nothing is left. Not how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.bench.feature_shapes import SHAPES
from cli.bench.plots import machine
from tests.cli.bench.drawn import words_of
from tests.cli.bench.left import left

COMMAND = (sys.executable, "-m", "cli.main", "bench", "features", "--json", "--calls", "1")


@pytest.mark.timeout(300)
def test_the_reader_and_the_sdk_find_the_same_and_nothing_is_left(
    folder: Path, tmp_path: Path
) -> None:
    svg = tmp_path / "plots" / "features.svg"
    done = subprocess.run(
        [*COMMAND, "--svg", str(svg)],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    cells = [(row["shape"], row["entities"]) for row in rows]
    assert cells == [(shape, n) for shape in SHAPES for n in (1, 50, 200, 500, 1000)]
    assert all(row["equal"] for row in rows)
    timed = ("sdk_p50_ms", "plugin_p50_ms", "reader_p50_ms")
    assert all(row[key] > 0 for row in rows for key in timed)
    assert left(folder) == []
    drawn, ratio = words_of(svg), f"{rows[-1]['ratio']:.3g} ×"
    command = f"{machine()} gravity bench features --json --calls 1"
    assert all(text in drawn for text in (*SHAPES, ratio, "all values equal", command))
