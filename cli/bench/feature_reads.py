"""The measurements of `gravity bench features`: the reader and Feast's SDK, on its own store and on
ours, in turns."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final, TypedDict

import numpy as np
from redis.asyncio import Redis

from cli.bench.feast_sdk import Answer, Place, Question, Value
from cli.bench.feature_shapes import PEOPLE, SHAPES, Shape, columns, somebody
from cli.bench.own_redis import OwnRedis
from features.matrix import Matrix, read_matrix
from features.signature import Signature
from features.view_writer import write_view
from features.views import Kind

ENTITIES: Final = (1, 50, 200, 500, 1000)
_WARM_UP: Final = 3
_WRITTEN_MS: Final = 1_770_000_000_000
_ROOT: Final = Path(__file__).resolve().parents[2]
# A line holds the values of a thousand people.
_LONGEST_LINE: Final = 64 * 1024 * 1024


class SdkFailed(Exception):
    """The process of Feast's SDK ended without an answer; what it said stands above."""


class Row(TypedDict):
    """Medians of calls for so many people; `plugin`: the SDK on our store; `ratio`: SDK on Feast's
    / reader; `equal`: every value of the warm-up calls was, of all three."""

    entities: int
    shape: str
    sdk_p50_ms: float
    plugin_p50_ms: float
    reader_p50_ms: float
    ratio: float
    equal: bool


@dataclass(frozen=True, slots=True)
class Sdk:
    """The process of Feast's SDK."""

    process: Process

    async def ask(self, question: Question) -> Answer:
        """Raises SdkFailed."""
        return Answer(**json.loads(await _said(self.process, asdict(question))))


@asynccontextmanager
async def feast_sdk(place: Place) -> AsyncIterator[Sdk]:
    """Start the process and wait until Feast is imported; end it. Raises SdkFailed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.bench.feast_sdk"),
        stdin=PIPE,
        stdout=PIPE,
        cwd=_ROOT,
        # Feast leaves a folder of metrics behind.
        env={**os.environ, "TMPDIR": place.home},
        limit=_LONGEST_LINE,
    )
    try:
        await _said(process, asdict(place))
        yield Sdk(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _said(process: Process, asked: Mapping[str, object]) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(asked).encode() + b"\n")
    line = await process.stdout.readline()
    if not line:
        raise SdkFailed(f"the process of Feast's SDK ended with {await process.wait()}")
    return line


async def measure(own: OwnRedis, calls: int, say: Callable[[str], None]) -> list[Row]:
    """A row for each shape and number of people, each of so many calls. Raises SdkFailed."""
    rng = np.random.default_rng(0)
    redis = Redis.from_url(own.url)
    try:
        for shape in SHAPES.values():
            people = np.arange(1, PEOPLE + 1)
            await write_view(redis, shape.view, people, columns(shape, rng), _WRITTEN_MS)
        say("importing Feast")
        async with feast_sdk(Place(own.url, str(own.folder))) as sdk:
            rows = []
            for name in SHAPES:
                for entities in ENTITIES:
                    say(f"{name}, {entities} people")
                    rows.append(await _row(redis, sdk, name, entities, calls, rng))
            return rows
    finally:
        await redis.aclose()


async def _row(
    redis: Redis, sdk: Sdk, name: str, entities: int, calls: int, rng: np.random.Generator
) -> Row:
    """All read the same people in turns, other people each time."""
    shape, signature = SHAPES[name], SHAPES[name].signature
    sdk_ms: list[float] = []
    plugin_ms: list[float] = []
    reader_ms: list[float] = []
    equal = True
    for call in range(_WARM_UP + calls):
        people = somebody(entities, rng)
        values = call < _WARM_UP
        answers: dict[bool, Answer] = {}
        # Who comes later finds warm keys: each in its turn.
        for turn in range(3):
            which = (call + turn) % 3
            if which == 2:
                started = time.perf_counter()
                matrix = await read_matrix(redis, signature, people)
                took_ms = 1000 * (time.perf_counter() - started)
            else:
                by_plugin = which == 1
                answers[by_plugin] = await sdk.ask(
                    Question(by_plugin, name, people.tolist(), values)
                )
        answer, plugin = answers[False], answers[True]
        if values:
            ours = told(shape, signature, matrix)
            equal = equal and answer.values == ours and plugin.values == ours
        else:
            sdk_ms.append(answer.ms)
            plugin_ms.append(plugin.ms)
            reader_ms.append(took_ms)
    reader, theirs = median(reader_ms), median(sdk_ms)
    return Row(
        entities=entities,
        shape=name,
        sdk_p50_ms=round(theirs, 3),
        plugin_p50_ms=round(median(plugin_ms), 3),
        reader_p50_ms=round(reader, 3),
        ratio=round(theirs / reader, 2),
        equal=equal,
    )


def told(shape: Shape, signature: Signature, matrix: Matrix) -> dict[str, list[Value]]:
    """The matrix in the notation of the SDK's answers."""
    found: dict[str, list[Value]] = {}
    for asked in signature.features:
        kind = asked.feature.kind
        if kind is Kind.STRING:
            found[asked.feature.name] = matrix.texts[asked.name].tolist()
            continue
        numbers = matrix.of(asked.name)
        none: list[bool] = np.any(np.isnan(numbers), axis=1).tolist()
        values: Sequence[Value] = (numbers if kind is Kind.FLOAT32_LIST else numbers[:, 0]).tolist()
        found[asked.feature.name] = [
            None if null else value for null, value in zip(none, values, strict=True)
        ]
    return found
