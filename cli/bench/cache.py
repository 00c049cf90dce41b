"""Where benchmarks keep what takes long to make."""

import os
from pathlib import Path


def cache() -> Path:
    """Where programs of this user keep what they can make again."""
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "gravity-bench"
