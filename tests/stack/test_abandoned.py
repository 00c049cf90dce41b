"""Test sessions clean up after those that were killed."""

import os
from pathlib import Path

import psutil

from gravity.stack import orphans
from gravity.stack.home import Home
from tests.infrastructure import end_abandoned
from tests.stack.trivial import shell, started


def test_only_stacks_whose_session_is_gone_are_ended(tmp_path: Path) -> None:
    left, live = Home.at(tmp_path / "gravity-tests-left"), Home.at(tmp_path / "gravity-tests-live")
    script = "touch READY; exec sleep 1000"
    with (
        started(live.path, shell(live, "a", script)) as living,
        started(left.path, shell(left, "a", script)) as abandoned,
    ):
        living.wait(timeout_s=20)
        abandoned.wait(timeout_s=20)
        (left.path / "owner").write_text(f"{os.getpid()} 1.0")
        (live.path / "owner").write_text(f"{os.getpid()} {psutil.Process().create_time()}")
        end_abandoned(tmp_path)
        assert not left.path.exists()
        assert orphans.find(left.path) == []
        assert orphans.find(live.path)
