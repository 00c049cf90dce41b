"""Runs a generator, a process of its own, and measures what the others spend meanwhile."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.bench import cpu
from cli.bench.generator import Job, Sent

_ROOT: Final = Path(__file__).resolve().parents[2]


class GeneratorFailed(Exception):
    """The generator ended without a result."""


@dataclass(frozen=True, slots=True)
class Window:
    """A job done. `drained_at`: when everything it caused was done; `cpu_s`: seconds of CPU by
    program, from the first request until then."""

    sent: Sent
    drained_at: float
    cpu_s: Mapping[str, float]

    @property
    def per_s(self) -> float:
        """Swipes accepted a second, from the first request until all they caused was done."""
        return self.sent.accepted / (self.drained_at - self.sent.started_at)

    @property
    def cores(self) -> dict[str, float]:
        """Cores that each program kept busy."""
        took = self.drained_at - self.sent.started_at
        return {name: seconds / took for name, seconds in self.cpu_s.items()}

    @property
    def cpu_us(self) -> dict[str, float]:
        """Microseconds of CPU that each program spent on a swipe."""
        return {name: s * 1e6 / max(1, self.sent.accepted) for name, s in self.cpu_s.items()}


async def drive(
    job: Job, pids: Mapping[str, int], drained: Callable[[Sent], Awaitable[object]]
) -> Window:
    """Do a job of swipes, then wait for `drained`. Raises GeneratorFailed."""
    before: dict[str, float] = {}
    said = await generate(
        "cli.bench.generator", json.dumps(asdict(job)), lambda: before.update(cpu.seconds(pids))
    )
    sent = Sent(**json.loads(said))
    await drained(sent)
    drained_at = time.time()
    used = cpu.spent(before, cpu.seconds(pids))
    return Window(sent, drained_at, {**used, "generator": sent.cpu_s})


async def generate(module: str, job: str, ready: Callable[[], None]) -> str:
    """Give a generator its job, one line of JSON; `ready` is called before it begins to send.

    Returns the JSON that it ends with. Raises GeneratorFailed.
    """
    with TemporaryDirectory(prefix="gravity-bench-") as folder:
        result = Path(folder, "result.json")
        async with _generator(module, result) as process:
            _write(process, job)
            await _line(process)
            ready()
            _write(process, "go")
            await _line(process)
        return await asyncio.to_thread(result.read_text, "ascii")


@asynccontextmanager
async def _generator(module: str, result: Path) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, str(result)),
        stdin=PIPE,
        stdout=PIPE,
        cwd=_ROOT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _write(process: Process, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")


async def _line(process: Process) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise GeneratorFailed(f"the generator ended with code {await process.wait()}")
    return line
