"""The import of one file, from its first row to a summary: `gravity import` and `gravity demo`."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cli.importing import effects
from cli.importing.checkpoints import Applied, Checkpoints
from cli.importing.effects import Stores
from cli.importing.profile_rows import REQUIRED as PROFILE_COLUMNS
from cli.importing.profile_rows import ProfileRules
from cli.importing.ratings import RatingScale, swipes_of_ratings
from cli.importing.rejections import Rejections
from cli.importing.sources import Chunk, TornLine, content_hash, count_rows, read_chunks
from cli.importing.swipe_rows import REQUIRED as SWIPE_COLUMNS
from cli.importing.swipe_rows import REQUIRED_OF_RATINGS, SwipeRules
from cli.importing.verdict import Checked
from features.lake import part_of_import

PROFILES_EACH: Final = 20_000
SWIPES_EACH: Final = 500_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What an import did. `recorded` rows were new; `known` ones were there (or twice in the
    file); `rejected` ones are in `rejected_file` with their reasons."""

    kind: str
    file: str
    rows: int = 0
    rejected: int = 0
    recorded: int = 0
    known: int = 0
    matches: int = 0
    resumed_chunks: int = 0
    seconds: float = 0.0
    rejected_file: str | None = None
    imported_before: bool = False


class Progress(Protocol):
    """Hears of rows as they are done."""

    def __call__(self, done: int, total: int | None) -> None:
        """`done` of `total` rows; the total is None while it is unknown."""


@dataclass(frozen=True, slots=True)
class Request:
    """One file to import. `progress_folder` keeps checkpoints over runs; `rejected` is where
    refused rows go; `rows_each` rows are written at a time."""

    path: Path
    progress_folder: Path
    rejected: Path
    rows_each: int
    now: datetime
    report: Progress


@dataclass(frozen=True, slots=True)
class _Plan:
    """What differs between the kinds of files."""

    kind: str
    required: tuple[str, ...]
    check: Callable[[Chunk], Checked]
    apply: Callable[[pa.Table, str, bool], Awaitable[Applied]]
    settle: Callable[[], Awaitable[None]]


async def import_profiles(stores: Stores, request: Request) -> Summary:
    """Import a file of profiles. Raises UnreadableFile."""
    checkpoints = _checkpoints(request, "profiles", "")
    rules = ProfileRules(checkpoints.started_at_ms(_milliseconds(request.now)))

    async def apply(rows: pa.Table, part: str, again: bool) -> Applied:
        return await effects.apply_profiles(stores, rows, part, again)

    async def settle() -> None:
        return

    plan = _Plan("profiles", PROFILE_COLUMNS, lambda c: rules.check(c.rows), apply, settle)
    return await _run(request, checkpoints, plan)


async def import_swipes(stores: Stores, request: Request, without_profiles: bool) -> Summary:
    """Import a file of swipes; of people without a profile only where told. Raises
    UnreadableFile."""
    options = "without-profiles" if without_profiles else ""
    checkpoints = _checkpoints(request, "swipes", options)
    known = None if without_profiles else effects.known_people(stores.lake)
    rules = _swipe_rules(request, checkpoints, known)
    plan = _swipe_plan(stores, "swipes", SWIPE_COLUMNS, lambda c: rules.check(c.rows, c.first_row))
    return await _run(request, checkpoints, plan)


async def import_ratings(stores: Stores, request: Request, scale: RatingScale) -> Summary:
    """Import a file of ratings as swipes of people who need no profile. Raises UnreadableFile."""
    checkpoints = _checkpoints(request, "ratings", repr(scale))
    rules = _swipe_rules(request, checkpoints, None)
    now_ms = checkpoints.started_at_ms(_milliseconds(request.now))
    chunks = read_chunks(request.path, request.rows_each, REQUIRED_OF_RATINGS, [])
    total = sum(chunk.rows.num_rows for chunk in chunks)

    def check(chunk: Chunk) -> Checked:
        swipes = swipes_of_ratings(chunk.rows, chunk.first_row, total, scale, now_ms)
        return rules.check(swipes, chunk.first_row)

    plan = _swipe_plan(stores, "ratings", REQUIRED_OF_RATINGS, check)
    return await _run(request, checkpoints, plan)


def _swipe_rules(
    request: Request, checkpoints: Checkpoints, known: npt.NDArray[np.int64] | None
) -> SwipeRules:
    now_ms = checkpoints.started_at_ms(_milliseconds(request.now))
    return SwipeRules(content_hash(request.path), now_ms, known)


def _swipe_plan(
    stores: Stores, kind: str, required: tuple[str, ...], check: Callable[[Chunk], Checked]
) -> _Plan:
    async def apply(rows: pa.Table, part: str, again: bool) -> Applied:
        return await effects.apply_swipes(stores, rows, part, again)

    async def settle() -> None:
        await effects.settle_swipes(stores)

    return _Plan(kind, required, check, apply, settle)


async def _run(request: Request, checkpoints: Checkpoints, plan: _Plan) -> Summary:
    before = checkpoints.summary()
    if before is not None:
        return replace(Summary(**before), seconds=0.0, imported_before=True)  # type: ignore[arg-type]
    began = time.monotonic()
    rejections, torn = Rejections(request.rejected), list[TornLine]()
    summary = Summary(plan.kind, str(request.path))
    total = count_rows(request.path)
    async for chunk, checked in _checked(request, plan, torn):
        rejections.add(chunk, checked)
        summary = await _apply(summary, checkpoints, plan, chunk, checked)
        request.report(summary.rows, total)
    rejections.add_torn(torn)
    await plan.settle()
    summary = replace(
        summary,
        rows=summary.rows + len(torn),
        rejected=rejections.count,
        seconds=round(time.monotonic() - began, 2),
        rejected_file=str(request.rejected) if rejections.count else None,
    )
    checkpoints.finish(asdict(summary))
    return summary


async def _checked(
    request: Request, plan: _Plan, torn: list[TornLine]
) -> AsyncIterator[tuple[Chunk, Checked]]:
    """Chunks after their rules; the next one is read while the caller writes this one."""
    chunks = read_chunks(request.path, request.rows_each, plan.required, torn)

    def following() -> tuple[Chunk, Checked] | None:
        chunk = next(chunks, None)
        return (chunk, plan.check(chunk)) if chunk is not None else None

    ahead = asyncio.create_task(asyncio.to_thread(following))
    try:
        while (found := await ahead) is not None:
            ahead = asyncio.create_task(asyncio.to_thread(following))
            yield found
    finally:
        # The thread cannot be stopped; its file is closed with it.
        await asyncio.gather(ahead, return_exceptions=True)


async def _apply(
    summary: Summary, checkpoints: Checkpoints, plan: _Plan, chunk: Chunk, checked: Checked
) -> Summary:
    applied = checkpoints.applied(chunk.number)
    resumed = applied is not None
    if applied is None:
        again = checkpoints.begin(chunk.number)
        part = part_of_import(checkpoints.folder.name, chunk.number)
        applied = await plan.apply(checked.accepted, part, again)
        checkpoints.finish_chunk(chunk.number, applied)
    return replace(
        summary,
        rows=summary.rows + chunk.rows.num_rows,
        recorded=summary.recorded + applied.recorded,
        known=summary.known + checked.accepted.num_rows - applied.recorded,
        matches=summary.matches + applied.matches,
        resumed_chunks=summary.resumed_chunks + resumed,
    )


def _checkpoints(request: Request, kind: str, options: str) -> Checkpoints:
    """Progress belongs to a content, a kind and its options: other content is another import."""
    what = f"{kind} {options} {request.rows_each} {content_hash(request.path)}"
    name = f"{kind}-{hashlib.sha256(what.encode()).hexdigest()[:16]}"
    return Checkpoints(request.progress_folder / name)


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1000)
