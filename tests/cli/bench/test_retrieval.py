"""`gravity bench retrieval`, small: that questions and answers are right. Not how fast."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cli.bench.cache import cache
from cli.bench.milvus_server import unpacked
from cli.bench.plots import machine
from cli.bench.retrieval.contenders import contenders
from cli.bench.retrieval.milvus import MILVUS, missing
from cli.bench.retrieval.questions import Asking, Question
from cli.bench.retrieval.recall import recalls
from cli.bench.retrieval.report import EXACT, Row, with_used
from cli.bench.retrieval.world import OpenWorld, open_world
from cli.bench.world.source import source_for
from cli.bench.world.truth import people_of
from cli.check import brute_force
from features.eligibility import EARTH_RADIUS_KM
from gravity.stack import wheels
from tests.cli.bench.drawn import words_of
from tests.cli.bench.left import left

PEOPLE = 2_000
COMMAND = (sys.executable, "-m", "cli.main", "bench", "retrieval", "--json")
KEYS = {
    "engine",
    "people",
    "selectivity",
    "p50_ms",
    "p99_ms",
    "recall_at_100",
    "worst_group_recall_at_100",
    "used",
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the source is kept: learned once for these tests. Milvus is unpacked once for all."""
    folder = tmp_path_factory.mktemp("cache")
    if missing() is None:
        (folder / cache().name).mkdir()
        milvus = unpacked(wheels.milvus(), cache())
        (folder / cache().name / milvus.name).symlink_to(milvus)
    return folder


@pytest.mark.timeout(600)
def test_each_cell_has_every_engine_and_uses_one_and_exact_finds_all(
    folder: Path, kept: Path
) -> None:
    svg = kept / "plots" / "retrieval.svg"
    sizes = ("--people", str(PEOPLE), "--selectivity", "0.01", "--selectivity", "0.5")
    done = subprocess.run(
        [*COMMAND, *sizes, "--svg", str(svg)],
        env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(kept)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert left(folder) == []
    rows = json.loads(done.stdout)["rows"]
    assert all(set(row) == KEYS and row["people"] == PEOPLE for row in rows)
    served = () if missing() else (MILVUS,)
    engines = ("faiss-exact", "faiss-alone", "faiss-ivf", "post-filter", *served)
    cells = [(row["selectivity"], row["engine"]) for row in rows]
    assert cells == [(share, engine) for share in (0.01, 0.5) for engine in engines]
    assert Counter(row["selectivity"] for row in rows if row["used"]) == {0.01: 1, 0.5: 1}
    assert all(0 < row["p50_ms"] <= row["p99_ms"] for row in rows)
    exact = [row for row in rows if row["engine"] in (EXACT, MILVUS)]
    assert all(row["recall_at_100"] == row["worst_group_recall_at_100"] == 1.0 for row in exact)
    # Of the 100 best of everybody about as large a share is eligible as of all.
    alone = {
        row["selectivity"]: row["recall_at_100"] for row in rows if row["engine"] == engines[1]
    }
    assert alone[0.01] < 0.3 < alone[0.5] < 0.8
    drawn = words_of(svg)
    assert all(engine in drawn for engine in engines)
    assert f"{machine()} gravity bench retrieval --json --people 2000" in drawn


@pytest.mark.timeout(600)
def test_without_a_server_of_milvus_its_rows_are_left_out_and_it_says_so(
    folder: Path, kept: Path, tmp_path: Path
) -> None:
    # As where the package has no build: one of its name, with nothing in it.
    (tmp_path / "milvus").mkdir()
    (tmp_path / "milvus" / "__init__.py").touch()
    done = subprocess.run(
        [*COMMAND, "--people", "500", "--selectivity", "0.5"],
        env={
            **os.environ,
            "TMPDIR": str(folder),
            "XDG_CACHE_HOME": str(kept),
            "PYTHONPATH": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "without milvus: " in done.stderr
    engines = [row["engine"] for row in json.loads(done.stdout)["rows"]]
    assert engines == ["faiss-exact", "faiss-alone", "faiss-ivf", "post-filter"]


@pytest.fixture(scope="module")
def world(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenWorld:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    source = source_for(PEOPLE, kept / "gravity-bench", now)
    return open_world(source, PEOPLE, tmp_path_factory.mktemp("world") / "release", now)


def test_a_question_lets_through_its_share_of_people_and_knows_the_best_of_them(
    world: OpenWorld,
) -> None:
    asked = Asking(world).questions(np.arange(0, PEOPLE, 250), (0.001, 0.05, 0.5))
    for share, questions in asked.items():
        assert len(questions) == 16
        for question in questions:
            allowed = _eligible(world, question)
            assert len(allowed) == share * PEOPLE
            scores = _products(world, question, allowed)
            assert question.best.tolist() == allowed[np.argsort(-scores)][:100].tolist()


def test_wide_limits_reach_further_for_the_same_share(world: OpenWorld) -> None:
    asked = Asking(world).questions(np.arange(0, PEOPLE, 50), (0.01,))[0.01]
    narrow, wide = asked[::2], asked[1::2]
    assert [(n.limits, w.limits) for n, w in zip(narrow, wide, strict=True)] == [
        ("narrow", "wide")
    ] * 40
    assert all(_km(n) <= _km(w) for n, w in zip(narrow, wide, strict=True))
    assert sum(_km(n) < _km(w) for n, w in zip(narrow, wide, strict=True)) > 30
    assert Counter(q.place for q in narrow) == {"dense": 14, "between": 13, "country": 13}


def test_lists_are_exact_when_all_are_searched(world: OpenWorld) -> None:
    questions = Asking(world).questions(np.arange(0, PEOPLE, 100), (0.0005, 0.01, 0.3))
    with contenders(world, np.random.default_rng(1)) as all_of_them:
        for asked in questions.values():
            engines = {
                EXACT: all_of_them.fixed[EXACT],
                **{name: of(all_of_them.lists) for name, of in all_of_them.by_lists.items()},
            }
            found = {name: recalls(engine, asked) for name, engine in engines.items()}
            assert {(r.mean, r.worst_group) for r in found.values()} == {(1.0, 1.0)}


def test_what_is_not_exact_is_used_only_where_exact_is_late_and_everybody_is_served_well() -> None:
    late, early = _row(EXACT, 12.0), _row(EXACT, 8.0)
    good, poor = _row("milvus", 5.0, 0.99, 0.98), _row("milvus", 5.0, 0.99, 0.979)
    assert _used(early, good) == EXACT
    assert _used(late, poor) == EXACT
    assert _used(late, _row("milvus", 13.0, 1.0, 1.0)) == EXACT
    assert _used(late, good) == "milvus"
    assert _used(late, good, served={EXACT}) == EXACT


def _used(*cell: Row, served: set[str] | None = None) -> str:
    [used] = [r["engine"] for r in with_used(cell, served or {EXACT, "milvus"}) if r["used"]]
    return used


def _row(engine: str, p50_ms: float, recall: float = 1.0, worst: float = 1.0) -> Row:
    return Row(
        engine=engine,
        people=PEOPLE,
        selectivity=0.1,
        p50_ms=p50_ms,
        p99_ms=2 * p50_ms,
        recall_at_100=recall,
        worst_group_recall_at_100=worst,
        used=False,
    )


def _eligible(world: OpenWorld, question: Question) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Ids of whom `cli.check` lets through, both ways, with the question's limits."""
    people, viewer = people_of(world.population), question.query.viewer
    at = viewer.person_id - 1
    seeks, limits = people.seeks.copy(), people.max_distance_km.copy()
    seeks[at] = (viewer.seeks >> np.arange(seeks.shape[1])) & 1 == 1
    limits[at] = viewer.max_distance_km
    age_min, age_max = people.age_min.copy(), people.age_max.copy()
    age_min[at], age_max[at] = viewer.age_min, viewer.age_max
    asking = replace(people, seeks=seeks, max_distance_km=limits, age_min=age_min, age_max=age_max)
    today = datetime(1970, 1, 1, tzinfo=UTC).date() + timedelta(days=question.query.today)
    return people.person[brute_force.eligible(asking, at, today)]


def _products(
    world: OpenWorld, question: Question, ids: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rows = world.release.rows_of(ids)
    vectors = world.release.arrays.candidate_vectors[rows].astype(np.float64)
    return np.asarray(vectors @ question.query.vector.astype(np.float64))


def _km(question: Question) -> float:
    return min(question.query.viewer.max_distance_km, np.pi * EARTH_RADIUS_KM)
