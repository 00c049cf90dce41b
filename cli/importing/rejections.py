"""The file of refused rows: what stood there, and why it was refused."""

import csv
from collections.abc import Sequence
from pathlib import Path

from cli.importing.sources import Chunk, TornLine
from cli.importing.verdict import Checked


class Rejections:
    """Refused rows, written beside the imported file as CSV; without any there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns: list[str] = []
        self.count = 0
        path.unlink(missing_ok=True)

    def add(self, chunk: Chunk, checked: Checked) -> None:
        """Write the refused rows of a chunk; `row` counts the file's rows from 1."""
        if not len(checked.refused):
            return
        rows = chunk.rows.take(checked.refused).to_pydict()
        self._columns = self._columns or list(rows)
        places = (chunk.first_row + 1 + checked.refused).tolist()
        values = zip(*(rows[name] for name in self._columns), strict=True)
        self._write(
            [
                [str(place), reason, *map(_text, row)]
                for place, reason, row in zip(places, checked.reasons, values, strict=True)
            ]
        )

    def add_torn(self, torn: Sequence[TornLine]) -> None:
        """Write lines that do not split into the header's columns."""
        reason = "{0.columns} columns instead of {0.expected}"
        self._write([["", reason.format(line), line.text] for line in torn])

    def _write(self, lines: list[list[str]]) -> None:
        if not lines:
            return
        new = not self._path.exists()
        with self._path.open("a", encoding="utf-8", newline="") as target:
            writer = csv.writer(target, lineterminator="\n")
            if new:
                writer.writerow(["row", "reason", *self._columns])
            writer.writerows(lines)
        self.count += len(lines)


def _text(value: object) -> str:
    return "" if value is None else str(value)
