"""Has the simulated people's pictures made beside a demo that has served its first deck."""

import os
import subprocess
from typing import Final

from gravity.stack import wheels
from gravity.stack.home import Home
from gravity.stack.orphans import MARK

_NAME: Final = "photos"
"""Of its log."""


def draw_in_background(home: Home) -> "subprocess.Popen[bytes] | None":
    """Start drawing what is missing of the pool and return at once; None if nothing is.

    The process carries the stack's mark: it ends by itself, or with the stack.
    """
    from simulator.photo_files import FOLDER, missing

    if not missing(home.path / "media" / FOLDER):
        return None
    with home.log(_NAME).open("ab") as log:
        return subprocess.Popen(
            [wheels.script("gravity", "gravity-discovery"), "photos", "draw"],
            env={**os.environ, "GRAVITY_HOME": str(home.path), MARK: str(home.path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C in the demo's terminal ends the stack, and this with it.
            start_new_session=True,
        )
