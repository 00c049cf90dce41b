"""How far an import has come, in a folder: what is written here has happened.

A chunk is *begun* before anything of it is written anywhere and *done* after all of it is. An
import that was killed goes on with the chunk that was begun and not done, and every effect of a
chunk can be repeated.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from gravity.atomic_file import write_atomic

_START: Final = "started.json"
_SUMMARY: Final = "summary.json"


@dataclass(frozen=True, slots=True)
class Applied:
    """What a chunk changed: rows that were new, and matches that they made."""

    recorded: int
    matches: int


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The progress of the import of one file, in `folder`."""

    folder: Path

    def started_at_ms(self, now_ms: int) -> int:
        """When this import began: `now_ms` for a new one. Its rules look at this clock."""
        path = self.folder / _START
        if not path.exists():
            write_atomic(path, json.dumps({"now_ms": now_ms}).encode())
        return int(json.loads(path.read_bytes())["now_ms"])

    def begin(self, chunk: int) -> bool:
        """Mark a chunk as begun; true where an earlier run had begun it already."""
        path = self.folder / f"chunk-{chunk:06d}.begun"
        if path.exists():
            return True
        write_atomic(path, b"")
        return False

    def applied(self, chunk: int) -> Applied | None:
        """What a chunk changed, where it is done."""
        path = self._done(chunk)
        return Applied(**json.loads(path.read_bytes())) if path.exists() else None

    def finish_chunk(self, chunk: int, applied: Applied) -> None:
        """Mark a chunk as done."""
        write_atomic(self._done(chunk), json.dumps(asdict(applied)).encode())

    def summary(self) -> dict[str, object] | None:
        """The summary of the import, where all of it is done."""
        path = self.folder / _SUMMARY
        if not path.exists():
            return None
        found: dict[str, object] = json.loads(path.read_bytes())
        return found

    def finish(self, summary: dict[str, object]) -> None:
        """Mark the import as done."""
        write_atomic(self.folder / _SUMMARY, json.dumps(summary).encode())

    def _done(self, chunk: int) -> Path:
        return self.folder / f"chunk-{chunk:06d}.done"
