"""A small chaos: real processes die, nothing is lost, nothing is left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GRAVITY = str(Path(sys.executable).with_name("gravity"))


@pytest.mark.timeout(600)
def test_a_few_kills_lose_nothing_and_leave_nothing(folder: Path) -> None:
    words = ["chaos", "swipes", "--users", "80", "--swipes", "900", "--kills", "5", "--seed", "2"]
    done = subprocess.run(
        [GRAVITY, *words, "--json"],
        capture_output=True, text=True, timeout=580, check=False,
        env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["acknowledged"] >= 900
    assert report["kills"] == sum(report["killed"].values()) == 5
    promises = (
        *("lost", "duplicated", "matches_missed", "matches_doubled", "limit_exceeded"),
        *("seen_again", "read_side_differences", "feature_count_differences", "unsure"),
    )
    assert {name: report[name] for name in promises} == dict.fromkeys(promises, 0)
    assert report["matches"] > 0
    assert "redelivered" in report
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("words", [["--users", "50", "--swipes", "100000"], ["--users", "1"]])
def test_what_cannot_be_done_is_said_before_anything_starts(words: list[str]) -> None:
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        [GRAVITY, "chaos", "swipes", *words],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--users" in done.stdout + done.stderr
