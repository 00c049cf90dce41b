"""`gravity bench swap`, small: no deck fails or is of two releases. Not how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.bench.left import left

COMMAND = (*(sys.executable, "-m", "cli.main", "bench", "swap"), "--people", "300", "--json")


@pytest.mark.timeout(600)
def test_no_deck_fails_or_is_of_two_releases_and_no_swipe_is_forgotten(
    folder: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*COMMAND, "--seconds", "1", "--rate", "5"],
        env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert left(folder) == []
    report = json.loads(done.stdout)
    checked = {name: report[name] for name in ("failed", "mixed", "swipes_forgotten")}
    assert checked == {"failed": 0, "mixed": 0, "swipes_forgotten": 0}
    # A fallback is a deck too: a busy machine may be late.
    assert 0 <= report["fallbacks"] + report["unlogged"] < report["decks"]
    assert report["swipes"] > 0
    assert 0 < report["promote_s"] < report["promote_command_s"]
    assert 0 < report["rollback_s"] < report["rollback_command_s"]
    assert report["ranker_rss_mb_peak"] > 0
    assert set(report["p99_ms"]) >= {"before", "during", "after"}
