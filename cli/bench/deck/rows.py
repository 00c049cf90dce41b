"""What a deck reads from Redis, packed beforehand, over one plain socket: its least cost there."""

import socket
from collections.abc import Sequence
from typing import Final, Self
from urllib.parse import urlsplit

from hiredis import Reader
from redis.exceptions import ResponseError

from cli.bench.deck.asked import Asked
from features import online
from features.person_row import HEAD_DTYPE, person_row_key
from features.reader import hmget_commands
from features.wire import packed
from serving.store import likers_command, swiped_command

_BYTES: Final = 1 << 18


class RawRedis:
    """A connection to a redis:// URL without a password; a context manager."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        assert where.scheme == "redis" and not where.password, "the benchmark's own is asked"
        self._socket = socket.create_connection((where.hostname, where.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, commands: bytes, count: int) -> list[object]:
        """The replies of `count` packed commands. Raises the first error reply, and OSError."""
        self._socket.sendall(commands)
        reader = Reader(replyError=ResponseError, notEnoughData=...)
        replies: list[object] = []
        while len(replies) < count:
            data = self._socket.recv(_BYTES)
            if not data:
                raise ConnectionError("Redis closed the connection")
            reader.feed(data)
            replies += iter(reader.gets, ...)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise reply
        return replies


def commands_of(asked: Asked, fields: Sequence[bytes], since: int) -> list[bytes]:
    """What a deck reads, each command once and nothing that it writes.

    The viewer's row, hash (`fields`), whom they swiped from `since` on (epoch seconds) and who
    waits for their answer; the candidates' hashes and heads of their rows; and what a last look
    asks of the sets.
    """
    viewer, ids = b"{%d}" % asked.viewer, asked.best.tolist()
    keys = online.entity_keys([asked.viewer, *ids])
    head = b"%d" % (HEAD_DTYPE.itemsize - 1)
    found = [
        packed(b"GET", b"release:serving"),
        packed(b"GET", person_row_key(asked.viewer).encode()),
        swiped_command(asked.viewer, since),
        likers_command(asked.viewer),
        *(hmget_commands([key], fields) for key in keys),
        *(packed(b"GETRANGE", person_row_key(each).encode(), b"0", head) for each in ids),
    ]
    if ids:
        texts = [b"%d" % each for each in ids]
        found += [
            packed(b"ZMSCORE", b"seen:" + viewer, *texts),
            packed(b"SMISMEMBER", b"blocked:" + viewer, *texts),
            packed(b"SMISMEMBER", b"withdrawn", *texts),
        ]
    return found
