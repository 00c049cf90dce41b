"""`gravity bench swap`, small: no deck fails or is of two releases. Not how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.bench.plots import machine
from tests.cli.bench.drawn import words_of
from tests.cli.bench.left import left

COMMAND = (*(sys.executable, "-m", "cli.main", "bench", "swap"), "--people", "300", "--json")


@pytest.mark.timeout(600)
def test_no_deck_fails_or_is_of_two_releases_and_no_swipe_is_forgotten(
    folder: Path, cache: Path, tmp_path: Path
) -> None:
    svg = tmp_path / "plots" / "swap.svg"
    done = subprocess.run(
        [*COMMAND, "--seconds", "1", "--rate", "5", "--svg", str(svg)],
        env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(cache)},
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
    assert_timeline(report)
    drawn = words_of(svg)
    command = f"{machine()} gravity bench swap --people 300"
    assert all(
        text in drawn for text in ("gravity release promote", "memory of the ranker", command)
    )


def assert_timeline(report: dict[str, Any]) -> None:
    """Every second from the end of the warm-up on; each swap within its command."""
    seconds, spans = report["timeline"], report["spans_s"]
    assert [second["at_s"] for second in seconds] == list(range(len(seconds)))
    # Those before it warmed everything up.
    assert 0 < sum(second["decks"] for second in seconds) < report["decks"]
    for second in seconds:
        assert (second["p50_ms"] is None) == (second["decks"] == 0) == (second["max_ms"] is None)
    held = [second["ranker_rss_mb"] for second in seconds]
    assert 0 < max(each for each in held if each is not None) <= report["ranker_rss_mb_peak"]
    for swap, command in (("swap", "promote"), ("swap_back", "rollback")):
        (begun, ended), (first, last) = spans[swap], spans[command]
        assert 0 < first < begun < ended < last < len(seconds)
