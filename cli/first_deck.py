"""How long it took, from the start of `up` on an empty folder, until the first ranked deck.

Only time at work counts: `gravity up` and every attempt of `gravity demo`, each with the seconds
that its interpreter took to start, until the attempt that ended with a deck.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypedDict

import psutil

from gravity.atomic_file import write_atomic

_RECORD: Final = "first_deck.json"


class FirstDeck(TypedDict):
    """`people` is what the folder's demo was begun with; `finished` once a deck was served."""

    people: int | None
    seconds: float
    finished: bool
    steps: dict[str, float]


def read_first_deck(home: Path) -> FirstDeck:
    """What the folder records so far."""
    path = home / _RECORD
    if not path.exists():
        return FirstDeck(people=None, seconds=0.0, finished=False, steps={})
    found: FirstDeck = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_first_deck(home: Path, record: FirstDeck) -> None:
    """Keep the record for later runs."""
    write_atomic(home / _RECORD, json.dumps(record).encode())


@contextmanager
def at_work(home: Path) -> Iterator[None]:
    """Count this process's time from its start to the end of the block, if no deck was served yet.

    A block that is interrupted counts too.
    """
    try:
        yield
    finally:
        record = read_first_deck(home)
        if not record["finished"] and home.is_dir():
            worked = time.time() - psutil.Process().create_time()
            seconds = round(record["seconds"] + worked, 2)
            write_first_deck(home, {**record, "seconds": seconds})
