"""One HTTP/1.1 connection of the generator: a request, its answer, the next request.

As little as that takes, since the generator shares two cores with what it measures.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

_LENGTH: Final = b"content-length:"


class Exchange(asyncio.Protocol):
    """Keep-alive, one request at a time. `answered` gets the connection, the status and the body;
    `lost` is called when the server closes it."""

    def __init__(
        self, answered: Callable[["Exchange", int, bytes], None], lost: Callable[[], None]
    ) -> None:
        self._answered = answered
        self._lost = lost
        self._read = b""
        self._transport: asyncio.Transport | None = None
        self.number = -1
        """The number of the request under way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one by its methods only.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, number: int, packet: bytes) -> None:
        """Send a request; the connection must be idle."""
        assert self._transport is not None
        self.number = number
        self._transport.write(packet)

    def close(self) -> None:
        """End the connection."""
        assert self._transport is not None
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        fields = head.lower()
        at = fields.find(_LENGTH)
        length = int(fields[at + len(_LENGTH) :].partition(b"\r\n")[0]) if at >= 0 else 0
        if len(body) < length:
            return
        self._read = b""
        self._answered(self, int(head[9:12]), body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()
