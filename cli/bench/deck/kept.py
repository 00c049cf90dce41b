"""One HTTP/1.1 connection that waits for its answer: the least that a client can spend."""

import socket
from dataclasses import dataclass
from typing import Final, Self

_LENGTH: Final = b"content-length:"
_BYTES: Final = 1 << 18


class Closed(OSError):
    """The other side ended the connection."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body."""

    status: int
    body: bytes


class Kept:
    """A connection to a port of this machine; a context manager."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, target: str, token: str = "") -> Answer:
        """Path and query, ready for the wire. Raises OSError."""
        said = f"Authorization: Bearer {token}\r\n" if token else ""
        return self.ask(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{said}\r\n".encode())

    def ask(self, packet: bytes) -> Answer:
        """A whole request; its answer has its length said, or no body. Raises OSError."""
        self._socket.sendall(packet)
        read = b""
        while b"\r\n\r\n" not in read:
            read += self._more()
        head, _, body = read.partition(b"\r\n\r\n")
        _, _, said = head.lower().partition(_LENGTH)
        length = int(said.partition(b"\r\n")[0]) if said else 0
        while len(body) < length:
            body += self._more()
        return Answer(int(head[9:12]), body)

    def _more(self) -> bytes:
        data = self._socket.recv(_BYTES)
        if not data:
            raise Closed("the connection was closed before its answer")
        return data
