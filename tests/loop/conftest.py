"""The whole stack, once: as `gravity up` and `gravity demo --check` make it for a user."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from cli.bringup import client_of
from cli.check.checkup import Report
from cli.client import Client
from gravity.settings import Settings

PEOPLE = 600
GRAVITY = str(Path(sys.executable).with_name("gravity"))


@dataclass(frozen=True)
class Loop:
    """A running stack of this test session's own."""

    home: Path
    report: Report

    def gravity(self, *words: str) -> str:
        """Run a `gravity` command against this stack; returns what it prints."""
        done = subprocess.run(
            [GRAVITY, *words], capture_output=True, text=True, timeout=280, check=False
        )
        assert done.returncode == 0, f"gravity {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def pid(self, program: str) -> int:
        """The process id of a program."""
        found = json.loads(self.gravity("status", "--json"))["programs"]
        return next(int(p["pid"]) for p in found if p["name"] == program)

    def processes(self) -> list[psutil.Process]:
        """Every process that knows this stack's folder, by its command, folder or environment."""
        return [p for p in psutil.process_iter() if p.pid != os.getpid() and self._owns(p)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            mark = str(self.home)
            known = [*process.cmdline(), process.cwd(), *process.environ().values()]
            return process.ppid() != os.getpid() and any(mark in text for text in known)
        except psutil.Error:
            return False


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """The demo of a small population, up and checked; everything is down afterwards."""
    home = tmp_path_factory.mktemp("loop") / ".gravity"
    # PostgreSQL runs as another user when root tests: it must get through to its folder.
    for folder in (home.parent, home.parent.parent):
        folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GRAVITY_HOME", str(home))
        stack = Loop(home, {})  # type: ignore[typeddict-item]
        try:
            stack.gravity("up")
            report = stack.gravity("demo", "--people", str(PEOPLE), "--check", "--json")
            yield Loop(home, json.loads(report))
        finally:
            subprocess.run([GRAVITY, "down"], check=True, timeout=120)


@pytest.fixture
def settings(loop: Loop) -> Settings:
    """The settings of the whole stack's clients."""
    return Settings.load()


@pytest.fixture
async def client(loop: Loop, settings: Settings) -> AsyncIterator[Client]:
    """A mobile client of the whole stack."""
    async with client_of(settings) as opened:
        yield opened
