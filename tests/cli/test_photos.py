"""`gravity photos draw`, and the drawing that goes on beside a demo."""

import os
import subprocess
import sys
from pathlib import Path

from gravity.stack.home import Home
from simulator import avatars


def test_a_whole_pool_is_left_alone(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    photos = home.path / "media" / "photos"
    photos.mkdir(parents=True)
    for drawing in range(avatars.POOL):
        (photos / avatars.file_name(drawing)).touch()
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "photos", "draw"],
        env={**os.environ, "GRAVITY_HOME": str(home.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"0 drawn; the pool is in {photos}\n"
