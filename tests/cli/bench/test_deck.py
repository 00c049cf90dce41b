"""`gravity bench deck`, small: that it counts right and leaves nothing behind. Not how fast."""

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

COMMAND = (*(sys.executable, "-m", "cli.main", "bench", "deck"), "--people", "300")
STAGES = [
    *("http", "edge", "open", "hop", "viewer_read", "search", "hydrate"),
    *("score", "draw", "reasons", "encode", "look", "tokens", "keep", "answer", "other"),
]
PROGRAMS = ("api", "broker", "consumers", "mlflow", "postgres", "ranker", "redis", "s3")


@pytest.mark.timeout(600)
def test_decks_are_ranked_and_hold_what_brute_force_allows(
    folder: Path, cache: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*COMMAND, "--json", "--seconds", "1", "--svg", str(tmp_path / "plots" / "deck.svg")],
        env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(cache)},
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
    assert_load(report)
    assert_stages(report)
    assert_floor(report)
    assert_textbook(report)
    drawn = words_of(tmp_path / "plots" / "deck.svg")
    command = f"{machine()} gravity bench deck --people 300"
    assert all(text in drawn for text in ("out of 300 people", "viewer_read", command))


def assert_load(report: dict[str, Any]) -> None:
    """One client, then an open loop at shares of what saturation gave."""
    trials, steps = report["saturation"], report["load"]
    assert [trial["connections"] for trial in trials] == [1, 4, 8, 16]
    assert report["decks_per_s"] == max(trial["decks_per_s"] for trial in trials) > 0
    assert [step["clients"] for step in steps] == [1, None, None, None]
    assert [step["share"] for step in steps[1:]] == [0.25, 0.5, 0.75]
    for step in steps:
        assert step["rate"] == pytest.approx(step["share"] * report["decks_per_s"], abs=0.2)
        assert step["decks"] == sum(count for _, count in step["histogram"]) > 0
        assert 0 < step["p50_ms"] <= step["p95_ms"] <= step["p99_ms"]
        assert step["failed"] == 0
    assert (steps[0]["decks"], steps[0]["p50_ms"]) == (report["decks"], report["p50_ms"])
    assert {"api", "ranker", "redis", "generator"} <= report["cpu_us"].keys()
    assert report["cpu_us"]["api"] > 0


def assert_stages(report: dict[str, Any]) -> None:
    """Each in the order of the request, together the median deck."""
    stages = report["stages_ms"]
    assert [name for name in stages if name in STAGES] == STAGES
    assert sum(stages.values()) == pytest.approx(report["untraced_p50_ms"], abs=0.01)
    assert min(took for name, took in stages.items() if name != "other") > 0
    assert report["traces"] > 0


def assert_floor(report: dict[str, Any]) -> None:
    assert 250 < report["floor_viewers"] <= 300
    assert 0 < report["floor_p50_ms"] < report["p50_ms"]
    assert report["vs_floor"] == pytest.approx(report["p50_ms"] / report["floor_p50_ms"], rel=0.01)
    floor = report["floor_ms"]
    scans = floor["scans"]
    assert set(scans) == {"contiguous", "contiguous_faiss", "gathered"}
    assert 0 < floor["scan"] <= min(scans.values())
    # Medians do not add up, but nearly.
    together = floor["hops"] + floor["redis"] + floor["scan"]
    assert report["floor_p50_ms"] == pytest.approx(together, rel=0.3)


def assert_textbook(report: dict[str, Any]) -> None:
    assert 0 < report["textbook_decks"] <= 200
    assert min(report["textbook_ms"].values()) > 0
    assert sum(report["textbook_ms"].values()) < 2 * report["textbook_p50_ms"]
    ratio = report["textbook_p50_ms"] / report["p50_ms"]
    assert report["vs_textbook"] == pytest.approx(ratio, abs=0.06)
    # Of the same people: nobody who may not be shown, nobody left out.
    assert 0 < report["textbook_checked"] <= 100
    assert (report["textbook_violations"], report["textbook_short"]) == (0, 0)
