"""HTTP/1.1 to the ranker over kept connections, one request a connection at a time.

A fifth of what a general client costs for each request; httptools parses the answers.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

_LONGEST: Final = 8 << 20


class ConnectionLost(Exception):
    """The other side closed the connection, or sent what is no answer."""


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._size = 0
        self.heard = False
        """Whether anything of the answer has come."""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are of no class of asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Status and body. Raises ConnectionLost."""
        if not self.is_open:
            raise ConnectionLost("closed before it was asked")
        assert self.transport is not None
        self._parts, self._size, self.heard = [], 0, False
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def close(self) -> None:
        """Give up on it: an answer that still comes must not meet another request."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            # Nobody asked: it must not become the beginning of the next answer.
            self.close()
            return
        self.heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc)

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._size += len(body)
        if self._size > _LONGEST:
            self._fail(None)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive() and self.transport is not None:
            self.transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), b"".join(self._parts)))
        else:
            # Nobody asked.
            self.close()

    def _fail(self, error: Exception | None) -> None:
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionLost(repr(error)))


class RankerConnections:
    """Those of one process, to one address. Made and used inside one running loop."""

    def __init__(self, url: str) -> None:
        """`url`: http or https, where the ranker is."""
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._path = parts.path.rstrip("/")
        self._netloc = parts.netloc.rpartition("@")[2]
        self._idle: list[_Connection] = []

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of a JSON request that is safe to repeat. Raises ConnectionLost, OSError.

        Whoever is cancelled meanwhile closes the connection: nobody else gets their answer.
        """
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = (
            f"POST {self._path}{path} HTTP/1.1\r\nHost: {self._netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        )
        request = head.encode("latin-1") + body
        if (kept := self._kept()) is not None:
            try:
                return await self._ask(kept, request)
            except ConnectionLost:
                if kept.heard:
                    raise
                # The other side may close a kept connection just as it is used again; the others
                # may be as old.
                self.close()
        return await self._ask(await self._opened(), request)

    def close(self) -> None:
        """Close those that nobody uses."""
        for each in self._idle:
            each.close()
        self._idle.clear()

    def _kept(self) -> _Connection | None:
        while self._idle:
            # The last one used: the others may be closed for being idle.
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _opened(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(_Connection, self._host, self._port, ssl=self._tls)
        return made

    async def _ask(self, connection: _Connection, request: bytes) -> tuple[int, bytes]:
        try:
            answer = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        if connection.is_open:
            self._idle.append(connection)
        return answer
