"""`gravity photos draw`, and the drawing that goes on beside a demo."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from cli.drawing import draw_in_background
from gravity.stack import orphans, stack
from gravity.stack.home import Home
from simulator import avatars
from tests.stack.waiting import eventually


def test_drawing_beside_a_demo_ends_with_the_stack(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    photos = home.path / "media" / "photos"
    drawing = draw_in_background(home)
    assert drawing is not None
    eventually(lambda: any(photos.glob("avatar-*.png")), 60)
    assert drawing.poll() is None
    stack.end(home)
    assert not psutil.pid_exists(drawing.pid)
    assert orphans.find(home.path) == []


def test_a_whole_pool_is_left_alone(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    photos = home.path / "media" / "photos"
    photos.mkdir(parents=True)
    for drawing in range(avatars.POOL):
        (photos / avatars.file_name(drawing)).touch()
    assert draw_in_background(home) is None
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "photos", "draw"],
        env={**os.environ, "GRAVITY_HOME": str(home.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"0 drawn; the pool is in {photos}\n"
