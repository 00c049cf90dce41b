"""`gravity bench deck`, small: that it counts right and leaves nothing behind. Not how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.bench.left import left

COMMAND = (*(sys.executable, "-m", "cli.main", "bench", "deck"), "--people", "300")
PROGRAMS = ("api", "broker", "consumers", "mlflow", "postgres", "ranker", "redis", "s3")


@pytest.mark.timeout(600)
def test_decks_are_ranked_and_hold_what_brute_force_allows(folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--json", "--seconds", "1"],
        env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert left(folder) == []
    report = json.loads(done.stdout)
    assert report["people"] == 300
    assert 0 < report["p50_ms"] <= report["p95_ms"] <= report["p99_ms"]
    assert report["decks"] > 0
    # A fallback is a deck too: a busy machine may be late, and then it counts them.
    assert report["fallbacks"] <= report["decks"]
    checked = {name: report[name] for name in ("failed", "violations", "missed")}
    assert checked == {"failed": 0, "violations": 0, "missed": 0}
    assert 250 < report["decks_checked"] <= 300
    assert report["index_checked"] == 100
    assert report["deck_recall_at_20"] > 0.95
    assert {"densest_p50_ms", "widest_p50_ms"} <= set(report)
    assert set(report["memory"]) >= set(PROGRAMS)
    assert all(each["rss_mb"] >= each["pss_mb"] > 0 for each in report["memory"].values())
    ranker = sum(report["memory"][name]["rss_mb"] for name in ("ranker", "ranker: children"))
    assert report["ranker_rss_mb"] == pytest.approx(ranker, abs=0.2)
