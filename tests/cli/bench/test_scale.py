"""`gravity bench scale`, small: that it counts right and leaves nothing behind. Not how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from cli.bench.scale.report import COSTS, Row, growth
from tests.cli.bench.left import left

COMMAND = (*(sys.executable, "-m", "cli.main", "bench", "scale"), "--people", "300", "--json")


def row(people: int, cost: float) -> Row:
    """Everything costs the same."""
    costs = dict.fromkeys(COSTS, cost)
    return cast("Row", {"people": people, **costs})


def test_growth_is_the_exponent() -> None:
    doubled = [row(people, 3.0 * people**0.5) for people in (100, 1_000, 10_000)]
    assert growth(doubled) == dict.fromkeys(COSTS, 0.5)
    assert growth(doubled[:1]) == {}
    assert growth([row(10, 0.0), row(100, 1.0)]) == {}


@pytest.mark.timeout(600)
def test_costs_are_measured_and_nothing_is_left(folder: Path, cache: Path, tmp_path: Path) -> None:
    svg = tmp_path / "plots" / "scale.svg"
    done = subprocess.run(
        [*COMMAND, "--seconds", "1", "--svg", str(svg)],
        env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert left(folder) == []
    report = json.loads(done.stdout)
    assert report["growth"] == {}
    [found] = report["rows"]
    assert (found["people"], found["failed"]) == (300, 0)
    assert all(found[name] > 0 for name in COSTS)
    assert found["search_ms"] < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"]
    # A row alone takes more, a list of 16-byte factors too.
    assert 300 < found["redis_bytes_a_person"] < 20_000
    assert 8 < found["redis_bytes_a_swipe"] < 200
    assert {"api", "ranker", "redis", "generator"} <= found["cpu_us"].keys()
    assert {"hop", "search", "look"} <= found["stages_ms"].keys()
    for text in ("What grows with the people", "bench scale --people 300", "Python"):
        assert text in svg.read_text()
