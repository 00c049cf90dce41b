"""`gravity run` listens where it is told."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.parts import PARTS, READERS, work_of
from gravity.kernel import open_kernel
from gravity.settings import Settings
from gravity.stack import keys, ports
from gravity.stack.home import Home
from tests.cli.worlds import environment_of
from tests.stack.waiting import eventually


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    return environment_of(settings)


@contextmanager
def running(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "cli.main", "run", *arguments]
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def is_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    assert process.poll() is None, "it ended"
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address")
@pytest.mark.parametrize("words", ["api", "consumers", "consumers --only matcher --only relay"])
def test_a_process_listens_at_its_host_only(environment: dict[str, str], words: str) -> None:
    port = ports.any_free(set(), random.SystemRandom())
    where = ("--port", str(port), "--host", "127.0.0.2")
    with running(environment, *words.split(), *where) as process:
        eventually(lambda: is_ready(process, f"http://127.0.0.2:{port}"), timeout_s=60)
        assert not is_ready(process, f"http://127.0.0.1:{port}")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address")
def test_the_playground_is_for_this_machine_only(
    environment: dict[str, str], settings: Settings
) -> None:
    keys.load_or_create(Home.at(settings.home).keys)
    port = ports.any_free(set(), random.SystemRandom())
    told = {
        "GRAVITY_API_URL": "http://127.0.0.1:1",
        "GRAVITY_PLAYGROUND_URL": f"http://127.0.0.1:{port}",
    }
    with running({**environment, **told}, "playground", "--port", str(port)) as process:
        eventually(lambda: is_ready(process, f"http://127.0.0.1:{port}"), timeout_s=60)
        assert not is_ready(process, f"http://127.0.0.2:{port}")


def test_a_part_that_is_none_is_told() -> None:
    words = ["run", "consumers", "--port", "1", "--only", "matcher", "--only", "chess"]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 2
    assert "there is no part 'chess'" in " ".join(told.output.replace("│", " ").split())


async def test_the_parts_together_are_everything_and_each_consumer_is_in_one(
    settings: Settings,
) -> None:
    async with open_kernel(settings) as kernel:
        works = {name: work_of([name], kernel, asyncio.Event()) for name in PARTS}
        everything = work_of([], kernel, asyncio.Event())
    for work in (*works.values(), everything):
        for background in work.background:
            background.close()
    by_part = {name: [each.name for each in work.subscriptions] for name, work in works.items()}
    together = [name for names in by_part.values() for name in names]
    assert sorted(together) == sorted({each.name for each in everything.subscriptions})
    assert by_part["matcher"] == ["matcher"]
    assert by_part["relay"] == []
    # What may be trimmed waits for these: one that never runs would keep the log for ever.
    assert {name for names in READERS.values() for name in names} <= set(together)
