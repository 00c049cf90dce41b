"""`gravity demo --check`: every promise of the loop, measured on the running stack."""

import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

import asyncpg
import httpx
import numpy as np
from redis.asyncio import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.bringup import BroughtUp, client_of
from cli.check.decks import check_decks, count_missed, deck_recall
from cli.check.freshness import swipe_to_deck_s
from cli.check.intervals import Interval
from cli.check.matches import count_matches
from cli.check.people import learned_by
from cli.check.quality import MatchesAt20, matches_at_20
from cli.check.ranker import Ranker
from cli.check.scores import read_scores
from cli.check.shift import ObservedClass, Shift, ShiftCheck, choose_class, observed_classes
from cli.check.world import World, read_world
from cli.client import Client
from features.keyed import Store
from features.mlflow_rest import open_mlflow
from features.registry import champion, log_metrics, version
from features.release import Release
from features.whereabouts import store_beside
from features.wire import run
from gravity.kernel import utc_now
from gravity.postgres import open_pool

DECK_SIZE: Final = 20
DECK_VIEWERS: Final = 1000
INDEX_VIEWERS: Final = 200
SHIFT_VIEWERS: Final = 200
FRESH_VIEWERS: Final = 100
QUALITY_VIEWERS: Final = 1000
SEED: Final = 4


class HeldOut(TypedDict):
    """A measure of the held-out days, by each order."""

    learned: float | None
    popularity: float | None
    random: float | None


class Report(TypedDict):
    """What `gravity demo --check --json` prints."""

    first_deck_s: float
    fresh_s: float | None
    venv_s: float | None
    people: int
    swipes: int
    release: str
    deck_size: int
    decks_checked: int
    fallbacks: int
    violations: int
    short_decks: int
    missed: int
    deck_recall_at_20: float
    shift: Interval | None
    control_shift: Interval | None
    swipe_to_deck_s: float | None
    matches: int
    duplicate_matches: int
    missing_matches: int
    recall_at_20: HeldOut
    ndcg_at_20: HeldOut
    matches_at_20: MatchesAt20


@dataclass(frozen=True, slots=True)
class Checkup:
    """Everything a check needs, opened once."""

    console: Console
    up: BroughtUp
    pool: asyncpg.Pool
    redis: Redis
    features: Store
    client: Client
    ranker_http: httpx.AsyncClient
    rng: np.random.Generator

    async def run(self) -> Report:
        """Check constraints and quality first: the shift check swipes."""
        release_id = await champion(self.up.settings.mlflow_url)
        assert release_id is not None, "bring_up returned without a champion"
        release = Release.open(self.up.settings.home / "releases" / release_id)
        world = await self._world()
        ranker = Ranker(self.ranker_http, world.people, release_id, world.today)
        scores = await read_scores(self.features, release_id, release, world)
        viewers = self._viewers(world)
        with self._progress("decks against brute force", DECK_VIEWERS) as advance:
            decks = await check_decks(
                world, self.client, viewers[:DECK_VIEWERS], DECK_SIZE, advance
            )
        with self._progress("nobody missed by the index", INDEX_VIEWERS) as advance:
            missed = await count_missed(world, ranker, viewers[:INDEX_VIEWERS], advance)
        with self._progress("the best 20 are retrieved", INDEX_VIEWERS) as advance:
            recall = await deck_recall(world, ranker, scores, viewers[:INDEX_VIEWERS], advance)
        with self._progress("expected matches", QUALITY_VIEWERS) as advance:
            quality = matches_at_20(
                world,
                scores,
                self.up.world.truth(),
                viewers[:QUALITY_VIEWERS],
                self.rng,
                advance,
            )
        shift = await self._shift(world, viewers)
        fresh = viewers[-FRESH_VIEWERS:]
        with self._progress("swipe to deck", len(fresh)) as advance:
            swipe_s = await swipe_to_deck_s(self.client, ranker, fresh, advance)
        matches = await count_matches(self.pool)
        evaluation = release.manifest.evaluation
        venv_s = _venv_seconds(self.up.settings.home)
        first_deck_s = self.up.first_deck["seconds"]
        report = Report(
            first_deck_s=first_deck_s,
            fresh_s=None if venv_s is None else round(first_deck_s + venv_s, 2),
            venv_s=venv_s,
            people=len(world.people.person),
            swipes=await self.pool.fetchval("select count(*) from swipes"),
            release=release_id,
            deck_size=DECK_SIZE,
            decks_checked=decks.decks_checked,
            fallbacks=decks.fallbacks,
            violations=decks.violations,
            short_decks=decks.short_decks,
            missed=missed,
            deck_recall_at_20=round(recall, 4),
            shift=shift.shift,
            control_shift=shift.control_shift,
            swipe_to_deck_s=swipe_s,
            matches=matches.matches,
            duplicate_matches=matches.duplicates,
            missing_matches=matches.missing,
            recall_at_20=_held_out(evaluation, "recall_at_20"),
            ndcg_at_20=_held_out(evaluation, "ndcg_at_20"),
            matches_at_20=quality,
        )
        await self._log(release_id, report)
        return report

    async def _world(self) -> World:
        withdrawn = await run(self.redis.smembers("withdrawn"))
        return await read_world(self.pool, frozenset(int(person) for person in withdrawn))

    def _viewers(self, world: World) -> list[int]:
        """Visible people in random order."""
        shown: list[int] = world.people.person[world.people.shown].tolist()
        return [int(person) for person in self.rng.permutation(shown)]

    async def _shift(self, world: World, viewers: Sequence[int]) -> Shift:
        classes = observed_classes(world)
        chosen: list[tuple[int, ObservedClass]] = []
        for viewer in viewers:
            observed = choose_class(world, world.people.row(viewer), classes, self.rng)
            if observed is not None:
                chosen.append((viewer, observed))
            if len(chosen) == 2 * SHIFT_VIEWERS:
                break
        half = len(chosen) // 2
        check = ShiftCheck(world, self.client, learned_by(self.redis, self.features))
        with self._progress("decks after 15 likes and 15 passes", len(chosen)) as advance:
            return await check.run(chosen[:half], chosen[half:], DECK_SIZE, advance)

    async def _log(self, release_id: str, report: Report) -> None:
        """Put what the truth says of the release beside its own evaluation, in its run."""
        url = self.up.settings.mlflow_url
        async with open_mlflow(url) as mlflow:
            run_id = (await version(mlflow, release_id)).run_id
        measured = {f"matches_at_20_{name}": v for name, v in report["matches_at_20"].items()}
        metrics = {name: float(str(value)) for name, value in measured.items()}
        metrics["deck_recall_at_20"] = report["deck_recall_at_20"]
        if report["shift"] is not None and report["control_shift"] is not None:
            metrics["shift"] = report["shift"]["mean"]
            metrics["control_shift"] = report["control_shift"]["mean"]
        await log_metrics(url, run_id, metrics, utc_now())

    @contextmanager
    def _progress(self, name: str, total: int) -> Iterator["Advance"]:
        columns = (
            TextColumn("  {task.description:<36}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        silent = not self.console.is_terminal
        with Progress(*columns, console=self.console, disable=silent) as progress:
            yield Advance(progress, progress.add_task(name, total=total))


@dataclass(frozen=True, slots=True)
class Advance:
    """Moves a bar by one."""

    progress: Progress
    task: int

    def __call__(self) -> None:
        """One more is done."""
        self.progress.advance(self.task)  # type: ignore[arg-type]


async def check_loop(console: Console, up: BroughtUp) -> Report:
    """Measure a running demo."""
    async with _open(console, up) as checkup:
        return await checkup.run()


@asynccontextmanager
async def _open(console: Console, up: BroughtUp) -> AsyncIterator[Checkup]:
    settings = up.settings
    pool = await open_pool(settings.postgres_url)
    redis = Redis.from_url(settings.redis_url)
    timeout = httpx.Timeout(30.0)
    try:
        async with (
            client_of(settings) as client,
            httpx.AsyncClient(base_url=settings.ranker_url, timeout=timeout) as ranker,
            store_beside(settings, redis) as features,
        ):
            rng = np.random.default_rng(SEED)
            yield Checkup(console, up, pool, redis, features, client, ranker, rng)
    finally:
        await redis.aclose()
        await pool.close()


def _held_out(evaluation: Mapping[str, object], measure: str) -> HeldOut:
    def value(order: str) -> float | None:
        found = evaluation.get(f"{measure}_{order}")
        return round(float(found), 4) if isinstance(found, int | float) else None

    return {
        "learned": value("learned"),
        "popularity": value("popularity"),
        "random": value("random"),
    }


def _venv_seconds(home: Path) -> float | None:
    """What `make venv` recorded; None where something else made this environment."""
    for path in (home / "venv.json", Path(sys.prefix) / "made.json"):
        if path.exists():
            return float(json.loads(path.read_text(encoding="utf-8"))["seconds"])
    return None
