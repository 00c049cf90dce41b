"""Identifiers of events: UUIDv7, so that they sort by time."""

import os
import uuid
from collections.abc import Callable
from datetime import datetime


def new_event_id(now: datetime, entropy: Callable[[int], bytes] = os.urandom) -> str:
    """A UUIDv7 (RFC 9562) of `now` in milliseconds and 74 random bits."""
    milliseconds = int(now.timestamp() * 1000)
    random_bits = int.from_bytes(entropy(10), "big")
    high, low = random_bits >> 68, random_bits & ((1 << 62) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low
    return str(uuid.UUID(int=value))
