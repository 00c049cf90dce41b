"""`gravity bench swipes`, small: that it counts right and leaves nothing behind. Not how fast."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.bench.left import left
from tests.stack.waiting import eventually

COMMAND = (*(sys.executable, "-m", "cli.main", "bench", "swipes"), "--people", "60")
RATES = (
    *("swipes_per_s", "producer_ceiling_per_s", "postgres_ceiling_per_s"),
    *("single_swipes_per_s", "single_producer_ceiling_per_s", "single_postgres_ceiling_per_s"),
    *("raw_producer_per_s", "raw_postgres_per_s", "share_of_ceiling", "single_share_of_ceiling"),
)
PERCENTILES = ("ack_ms", "match_ms", "single_ack_ms", "single_match_ms")


@pytest.mark.timeout(600)
def test_what_is_accepted_is_stored_and_matched_and_nothing_is_left(folder: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--json", "--seconds", "1"],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    # It compares what was accepted with rows, matches and events itself, and fails if they differ.
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert all(report[name] > 0 for name in RATES)
    assert all(set(report[name]) == {"p50", "p99"} for name in PERCENTILES)
    assert report["accepted"] > 0
    # A slow machine does not come to the answers within a second: then there is nothing to time.
    timed = [report[name]["p50"] for name in ("match_ms", "single_match_ms")]
    assert (report["matches_timed"] == 0) is (timed == [None, None])
    assert set(report["cores"]) >= {"generator", "api", "consumers", "broker", "postgres", "redis"}
    assert [each["partitions"] for each in report["partitions"]] == [1, 2, 4, 8]
    assert left(folder) == []


@pytest.mark.timeout(300)
def test_an_interrupt_leaves_nothing(folder: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # The stack is up, and the generator is at work or about to be.
        said = next(line for line in process.stdout if "only appends" in line)
        assert said
        assert left(folder) != []
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait() == 130
    eventually(lambda: left(folder) == [], timeout_s=10)
