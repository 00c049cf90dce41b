"""Decks meanwhile: the generator runs for as long as a block does."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.bench.driver import GeneratorFailed
from cli.bench.swap.generator import Dealt, Job, Sent

_LAST_ANSWERS_S: Final = 60.0
_ROOT: Final = Path(__file__).resolve().parents[3]


class Load:
    """What was sent, once the block of `decks_meanwhile` has ended."""

    def __init__(self) -> None:
        self.sent = Sent([], 0)


@asynccontextmanager
async def decks_meanwhile(job: Job) -> AsyncIterator[Load]:
    """Send the decks of a job while the block runs. Raises GeneratorFailed."""
    load = Load()
    with TemporaryDirectory(prefix="gravity-bench-") as folder:
        result = Path(folder, "result.json")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.bench.swap.generator", str(result)),
            stdin=PIPE,
            stdout=PIPE,
            cwd=_ROOT,
        )
        try:
            await _say(process, json.dumps(asdict(job)))
            await _say(process, "go", answers=False)
            yield load
            process.terminate()
            try:
                async with asyncio.timeout(_LAST_ANSWERS_S):
                    await _line(process)
            except TimeoutError:
                raise GeneratorFailed("some decks were never answered") from None
            said = json.loads(await asyncio.to_thread(result.read_text, "ascii"))
            load.sent = Sent([Dealt(**each) for each in said["dealt"]], said["lost"])
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _say(process: Process, line: str, *, answers: bool = True) -> None:
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")
    if answers:
        await _line(process)


async def _line(process: Process) -> None:
    assert process.stdout is not None
    if not await process.stdout.readline():
        raise GeneratorFailed(f"the generator ended with code {await process.wait()}")
