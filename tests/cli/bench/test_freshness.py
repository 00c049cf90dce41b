"""`gravity bench freshness`, small: all of it shows, nobody gone is served; not how soon."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.bench.plots import machine
from tests.cli.bench.drawn import words_of
from tests.cli.bench.left import left

COMMAND = (*(sys.executable, "-m", "cli.main", "bench", "freshness"), "--people", "400")
KINDS = ("swipe", "profile", "move", "ban")


@pytest.mark.timeout(600)
def test_whatever_happens_shows_and_nobody_gone_is_served(
    folder: Path, cache: Path, tmp_path: Path
) -> None:
    svg = tmp_path / "plots" / "freshness.svg"
    done = subprocess.run(
        [*COMMAND, "--json", "--seconds", "2", "--svg", str(svg)],
        env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    # It waits for everything to show, and fails where something does not.
    assert done.returncode == 0, done.stderr
    assert left(folder) == []
    report = json.loads(done.stdout)
    assert report["people"] == 400
    delays = [report[kind] for kind in KINDS]
    assert all(each["n"] > 0 for each in delays)
    assert all(0 < each["p50_s"] <= each["p99_s"] <= each["max_s"] for each in delays)
    assert all(len(each["quantiles_s"]) == 101 for each in delays)
    assert all(sorted(each["quantiles_s"]) == each["quantiles_s"] for each in delays)
    assert report["served_after_ack"] == 0
    assert report["decks_checked"] >= report["decks_sharp"] > 0
    assert report["background_per_s"] > 100
    assert set(report["cpu_cores"]) >= {"api", "broker", "consumers", "ranker", "redis"}
    drawn = words_of(svg)
    command = f"{machine()} gravity bench freshness --people 400"
    p99s = [f"p99 {each['p99_s']:.3f} s" for each in delays]
    assert all(text in drawn for text in (*p99s, command))
