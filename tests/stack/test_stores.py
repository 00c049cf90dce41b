"""The real stores under kill -9: each alone, and everything at once."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gravity.stack import orphans, stack
from gravity.stack.infra import STORES
from tests.stack import stores
from tests.stack.waiting import eventually


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    # The folders of pytest are closed to others (0700), as homes are.
    home = tmp_path_factory.mktemp("stores")
    yield home
    orphans.end(home)


@pytest.fixture
def running(folder: Path) -> stack.Stack:
    return stores.start(folder)


def _pids(running: stack.Stack) -> dict[str, int]:
    return {process.name: process.pid for process in running.supervision.processes()}


def test_every_store_keeps_what_it_was_given_when_killed(running: stack.Stack) -> None:
    settings = running.settings()
    stores.put(settings, "before")
    before = _pids(running)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: all(_pids(running)[name] not in (0, before[name]) for name in STORES))
    running.wait(timeout_s=60)
    stores.put(settings, "after")
    kept = ["before", "after"]
    assert stores.found(settings, 2) == {"postgres": kept, "redis": kept, "log": kept}


def test_after_killing_everything_a_start_recovers_everything(
    running: stack.Stack, folder: Path
) -> None:
    settings = running.settings()
    for process in orphans.find(folder):
        process.kill()
    eventually(lambda: not orphans.find(folder))
    again = stores.start(folder)
    assert again.settings() == settings
    kept = ["before", "after"]
    assert stores.found(settings, 2) == {"postgres": kept, "redis": kept, "log": kept}


def test_stores_listen_on_this_machine_only(running: stack.Stack, folder: Path) -> None:
    listening = {
        connection.laddr.ip
        for process in orphans.find(folder)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give up its rights")
def test_postgres_does_not_run_as_root_even_in_a_closed_folder(running: stack.Stack) -> None:
    assert psutil.Process(_pids(running)["postgres"]).uids().effective != 0


def test_down_ends_all_and_keeps_the_data(running: stack.Stack, folder: Path) -> None:
    settings = running.settings()
    running.stop()
    assert orphans.find(folder) == []
    again = stores.start(folder)
    try:
        assert again.settings() == settings
        assert stores.found(settings, 2)["postgres"] == ["before", "after"]
    finally:
        again.stop()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root")
def test_stores_run_for_a_normal_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    nobody = pwd.getpwnam("nobody")
    # The checkout and Python may lie in root's home: the user may pass, but is not root.
    become = (
        *("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"),
        *("--securebits=+no_setuid_fixup", "--inh-caps=+dac_override"),
        "--ambient-caps=+dac_override",
    )
    done = subprocess.run(
        [*become, sys.executable, "-m", "tests.stack.stores"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"postgres": ["one"], "redis": ["one"], "log": ["one"]}
