"""The KEY=VALUE file that `up` writes and every process of the project reads."""

import os
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """Return the file's pairs; an absent file has none."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {key: value for key, _, value in pairs}


def write(path: Path, pairs: dict[str, str]) -> None:
    """Replace the file (mode 0600, since its URLs hold passwords) in one step."""
    partial = path.with_suffix(f".{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(
        "".join(f"{key}={value}\n" for key, value in pairs.items()), encoding="utf-8"
    )
    partial.replace(path)
