"""Has a demo's photos made, learned from and ranked with, once its first deck was served."""

import os
import subprocess
from typing import Final

from gravity.stack import wheels
from gravity.stack.home import Home
from gravity.stack.orphans import MARK

_NAME: Final = "photos"
"""Of its log."""


def catch_up_in_background(home: Home) -> "subprocess.Popen[bytes]":
    """Start `gravity photos catch-up` and return at once.

    The process carries the stack's mark: it ends by itself, or with the stack.
    """
    with home.log(_NAME).open("ab") as log:
        return subprocess.Popen(
            [wheels.script("gravity", "gravity-discovery"), "photos", "catch-up"],
            env={**os.environ, "GRAVITY_HOME": str(home.path), MARK: str(home.path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C in the demo's terminal ends the stack, and this with it.
            start_new_session=True,
        )
