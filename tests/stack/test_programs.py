"""Order, restarts, failures and ends of supervised programs."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gravity.stack import orphans, stack
from gravity.stack.home import Home
from gravity.stack.progress import ProgramFailed
from gravity.stack.status import status
from tests.stack.trivial import compose, shell, started
from tests.stack.waiting import eventually

RUNS = "touch READY; exec sleep 1000"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path)


def _pids(running: stack.Stack) -> dict[str, int]:
    return {process.name: process.pid for process in running.supervision.processes()}


def test_a_program_starts_when_those_before_it_are_ready(home: Home) -> None:
    slow = shell(home, "slow", "sleep 0.5; touch READY; date +%s%N > ../slow.time; exec sleep 1000")
    quick = shell(home, "quick", "date +%s%N > ../quick.time; " + RUNS, after=["slow"])
    with started(home.path, quick, slow) as running:
        running.wait(timeout_s=20)
        times = [int((home.path / f"{name}.time").read_text()) for name in ("slow", "quick")]
        assert times == sorted(times)


def test_a_caller_need_not_wait_for_the_slow_ones(home: Home) -> None:
    never = shell(home, "never", "exec sleep 1000")
    with started(home.path, never, shell(home, "quick", RUNS)) as running:
        running.wait({"quick"}, timeout_s=20)
        states = {program.name: program.state for program in status(running)}
        assert states == {"never": "starting", "quick": "ready"}


def test_status_tells_memory_start_time_and_uptime(home: Home) -> None:
    with started(home.path, shell(home, "a", "sleep 0.3; " + RUNS)) as running:
        running.wait(timeout_s=20)
        (program,) = status(running)
        assert program.pid == _pids(running)["a"]
        assert 0.3 <= (program.start_seconds or 0) < 5
        assert program.rss_mb > 0
        assert program.pss_mb > 0
        assert program.uptime_seconds is not None


def test_a_killed_program_comes_back(home: Home) -> None:
    with started(home.path, shell(home, "a", RUNS)) as running:
        running.wait(timeout_s=20)
        before = _pids(running)["a"]
        os.kill(before, signal.SIGKILL)
        eventually(lambda: _pids(running)["a"] not in (0, before))
        running.wait(timeout_s=20)


def test_a_program_that_always_fails_is_reported_with_the_end_of_its_log(home: Home) -> None:
    with (
        started(home.path, shell(home, "broken", "echo no such table; exit 3")) as running,
        pytest.raises(ProgramFailed, match=r"(?s)broken does not start.*no such table"),
    ):
        running.wait(timeout_s=30)


def test_down_leaves_no_process_even_of_those_that_ignore_signals(home: Home) -> None:
    stubborn = shell(
        home, "stubborn", "(setsid sleep 1000 &); trap '' TERM; touch READY; sleep 1000"
    )
    with started(home.path, replace(stubborn, stop_seconds=1)) as running:
        running.wait(timeout_s=20)
        assert orphans.find(home.path)
        running.stop()
        assert orphans.find(home.path) == []
        assert stack.find(home) is None


def test_processes_of_a_killed_supervisor_are_ended_before_a_new_start(home: Home) -> None:
    program = shell(home, "a", RUNS)
    with started(home.path, program) as running:
        running.wait(timeout_s=20)
        orphan = psutil.Process(_pids(running)["a"])
        supervisor = int((home.specs / "supervisord.pid").read_text())
        os.kill(supervisor, signal.SIGKILL)
        eventually(lambda: stack.find(home) is None)
        again = stack.start(home, compose(program), {})
        again.wait(timeout_s=20)
        assert not orphan.is_running()
        assert _pids(again)["a"] != orphan.pid


def test_another_stack_is_left_alone(home: Home, tmp_path_factory: pytest.TempPathFactory) -> None:
    other_folder = tmp_path_factory.mktemp("other")
    with started(other_folder, shell(Home.at(other_folder), "a", RUNS)) as other:
        other.wait(timeout_s=20)
        with started(home.path, shell(home, "a", RUNS)) as running:
            running.wait(timeout_s=20)
        assert _pids(other)["a"] > 0


def test_a_second_start_restarts_only_what_has_changed(home: Home) -> None:
    kept, changed = shell(home, "kept", RUNS), shell(home, "changed", RUNS)
    removed = shell(home, "removed", RUNS)
    with started(home.path, kept, changed, removed) as running:
        running.wait(timeout_s=20)
        before = _pids(running)
        new = (kept, shell(home, "changed", "true; " + RUNS), shell(home, "added", RUNS))
        stack.start(home, compose(*new), {}).wait(timeout_s=20)
        after = _pids(running)
        assert after.keys() == {"kept", "changed", "added"}
        assert after["kept"] == before["kept"]
        assert after["changed"] != before["changed"]


def test_a_folder_may_have_any_name(home: Home) -> None:
    odd = Home.at(home.path / ("it's 100% \u00e9t\u00e9 " + "long" * 30))
    with started(odd.path, shell(odd, "a", "touch ../a.ready; exec sleep 1000")) as running:
        running.wait(timeout_s=20)
        assert orphans.find(odd.path)


def test_secrets_are_made_once_and_for_their_owner_only(home: Home) -> None:
    with started(home.path, shell(home, "a", RUNS)):
        pass
    before = {path.name: path.read_bytes() for path in home.keys.iterdir()}
    with started(home.path, shell(home, "a", RUNS)):
        pass
    assert {path.name: path.read_bytes() for path in home.keys.iterdir()} == before
    files = [
        *home.keys.iterdir(),
        home.env,
        *home.specs.glob("*.json"),
        home.specs / "supervisord.conf",
    ]
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert home.keys.stat().st_mode & 0o077 == 0
    assert json.loads((home.keys / "jwt.json").read_text()).keys() == {"private", "public"}
