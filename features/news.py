"""What services say over Redis of a person whom they have just changed, before they acknowledge it.

Whoever keeps an index obeys at once and need not wait for the bus. A message may be lost with its
connection: the bus stays the complete source, and versions make the second telling harmless.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from features.person_row import FORMAT, HEAD_DTYPE
from features.wire import packed

CHANGED: Final = b"news:changed"
"""Channel: the head of the person's row, as it was written."""
STANDING: Final = b"news:standing"
"""Channel: a person who came into the set `withdrawn`, or left it."""


def tell_changed(row: bytes) -> bytes:
    """The command that tells of a row."""
    return packed(b"PUBLISH", CHANGED, row[: HEAD_DTYPE.itemsize])


def tell_standing(person: bytes) -> bytes:
    """The command that tells of somebody, by decimal id, whose standing changed."""
    return packed(b"PUBLISH", STANDING, person)


def heads_of(messages: Sequence[bytes]) -> npt.NDArray[np.void]:
    """The heads (m,) HEAD_DTYPE of messages on CHANGED; those of another format are left out."""
    whole = [message for message in messages if len(message) == HEAD_DTYPE.itemsize]
    heads: npt.NDArray[np.void] = np.frombuffer(b"".join(whole), HEAD_DTYPE)
    return np.asarray(heads[heads["format"] == FORMAT])


def persons_of(messages: Sequence[bytes]) -> list[int]:
    """The people of messages on STANDING."""
    return [int(message) for message in messages if message.isdigit()]
