"""`gravity bench freshness`, small: all of it shows, nobody gone is served; not how soon."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.bench.left import left

COMMAND = (*(sys.executable, "-m", "cli.main", "bench", "freshness"), "--people", "400")
KINDS = ("swipe", "profile", "move", "ban")


@pytest.mark.timeout(600)
def test_whatever_happens_shows_and_nobody_gone_is_served(folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--json", "--seconds", "2"],
        env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(tmp_path)},
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
    assert report["served_after_ack"] == 0
    assert report["decks_checked"] >= report["decks_sharp"] > 0
    assert report["background_per_s"] > 100
    assert set(report["cpu_cores"]) >= {"api", "broker", "consumers", "ranker", "redis"}
