"""Raw RESP over a redis-py connection: many commands packed into one buffer, one round trip.

redis-py builds and packs a pipeline command by command (12 ms for 500 hash reads). Here the caller
packs whole arrays of commands; hiredis parses the replies. Only for commands that are independent
of each other: nothing is transactional.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from copy import copy
from functools import partial
from os import urandom
from typing import Final, NamedTuple, TypeVar, cast
from weakref import WeakKeyDictionary, ref

from hiredis import Reader, pack_command
from redis._parsers.hiredis import NOT_ENOUGH_DATA, _AsyncHiredisParser
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as ConnectionFailure
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TimeoutFailure

Reply = bytes | int | list["Reply"] | None
Part = bytes | str | int
_BATCH_BYTES: Final = 1 << 20
FEW: Final = 16
"""So many commands share a round trip with others; whoever shared one with more would wait."""
_AT_ONCE: Final = 4
_MOST_IDLE: Final = 8
_LONGEST_ERROR: Final = 512
T = TypeVar("T")


def run(command: "Awaitable[T] | T") -> "Awaitable[T]":
    """The awaitable of a redis-py command, whose types serve its blocking client as well."""
    return cast("Awaitable[T]", command)


def packed(*parts: Part) -> bytes:
    """One command in RESP; numbers as decimal text. Raises TypeError for any other type, numpy's
    and subclasses such as bool among them."""
    # Its stub means a tuple of one.
    command: bytes = pack_command(parts)  # type: ignore[arg-type]
    return command


def bulk(part: bytes) -> bytes:
    """One argument in RESP."""
    return b"$%d\r\n%b\r\n" % (len(part), part)


async def round_trip(redis: Redis, commands: bytes, count: int) -> list[Reply]:
    """Replies of `count` commands packed into one buffer. Raises the first error reply,
    and redis-py's ConnectionError or TimeoutError.

    Few commands go together with those of other callers: taking a connection from the pool and
    waking up for an answer cost more than the commands themselves.
    """
    replies = await replies_to(redis, commands, count)
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply
    return cast("list[Reply]", replies)


async def replies_to(redis: Redis, commands: bytes, count: int) -> list[object]:
    """As `round_trip`, with errors among the replies."""
    if count > FEW:
        return await _alone(redis, commands, count)
    line = _LINES.get(redis)
    if line is None:
        line = _LINES[redis] = _Line(redis)
    return await line.ask(commands, count)


async def raw_round_trip(redis: Redis, commands: bytes, count: int) -> bytes:
    """The replies of `count` commands as the server sent them: whole, in order, not parsed, errors
    among them. Raises redis-py's ConnectionError or TimeoutError.

    For whoever reads many replies of one form: arrays find their way in the bytes faster than a
    parser, which makes an object of every value (`replies_in`, for all others).
    """
    # Behind the commands the server is asked to say what nobody can have stored: that is the end. A
    # user who may not ask for it gets an error in its place, found by counting: parsed, so slower.
    nonce = urandom(16)
    together = commands + packed(b"ECHO", nonce)
    async with _kept_of(redis).one() as connection:
        return await _exchange(
            connection, together, count, partial(_bytes_before, bulk(nonce), count)
        )


def replies_in(data: bytes) -> list[object]:
    """The replies that bytes consist of, errors among them; half a reply at the end is left out."""
    reader = Reader(protocolError=ConnectionFailure, replyError=ResponseError, notEnoughData=...)
    reader.feed(data)
    return [*iter(reader.gets, ...)]


_Asked = tuple[bytes, int, asyncio.Future[list[object]]]


class _Line:
    """Round trips of many callers as few: those who ask in one pass of the loop go together, and
    those who ask while four are under way go with the next."""

    def __init__(self, redis: Redis) -> None:
        # The line must not keep the client alive that it is found by.
        self._redis = ref(redis)
        self._waiting: list[_Asked] = []
        self._running: set[asyncio.Task[None]] = set()
        # The one of them that has not left yet: it takes whoever waits.
        self._boarding: asyncio.Task[None] | None = None

    def ask(self, commands: bytes, count: int) -> asyncio.Future[list[object]]:
        """The replies, errors among them."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((commands, count, future))
        self._board()
        return future

    def _board(self) -> None:
        if self._waiting and self._boarding is None and len(self._running) < _AT_ONCE:
            self._boarding = asyncio.create_task(self._round())
            self._running.add(self._boarding)
            self._boarding.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._boarding is task:
            # Cancelled before it began, as all tasks are when a loop ends.
            self._boarding = None
            for _, _, future in self._waiting:
                future.cancel()
            self._waiting.clear()
        self._board()

    async def _round(self) -> None:
        self._boarding = None
        # Whoever was cancelled meanwhile wants nothing any more.
        asked = [each for each in self._waiting if not each[2].done()]
        self._waiting = []
        redis = self._redis()
        if not asked:
            return
        try:
            if redis is None:
                raise ConnectionFailure("the client is gone")
            together = b"".join([commands for commands, _, _ in asked])
            replies = await _alone(redis, together, sum(count for _, count, _ in asked))
        except Exception as error:
            for _, _, future in asked:
                if not future.done():
                    # Each caller raises, and adds its traceback to, one of its own.
                    future.set_exception(copy(error))
            return
        except BaseException:
            for _, _, future in asked:
                future.cancel()
            raise
        at = 0
        for _, count, future in asked:
            if not future.done():
                future.set_result(replies[at : at + count])
            at += count


_LINES: Final[WeakKeyDictionary[Redis, _Line]] = WeakKeyDictionary()


async def _alone(redis: Redis, commands: bytes, count: int) -> list[object]:
    """One round trip."""
    async with _kept_of(redis).one() as connection:
        return await _exchange(connection, commands, count, partial(_replies, count))


class _Kept:
    """Connections out of a client's pool, kept between round trips: to give one back and to take it
    again costs as much as a small round trip."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._idle: list[AbstractConnection] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[AbstractConnection]:
        """For one round trip."""
        connection = await self._take()
        try:
            yield connection
        finally:
            if connection.is_connected and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
            else:
                await self._pool.release(connection)

    async def _take(self) -> AbstractConnection:
        while self._idle:
            connection = self._idle.pop()
            if _is_quiet(connection):
                return connection
            try:
                await connection.disconnect(nowait=True)
            finally:
                await self._pool.release(connection)
        taken: AbstractConnection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        return taken


_KEPT: Final[WeakKeyDictionary[Redis, _Kept]] = WeakKeyDictionary()


def _kept_of(redis: Redis) -> _Kept:
    kept = _KEPT.get(redis)
    if kept is None:
        kept = _KEPT[redis] = _Kept(redis.connection_pool)
    return kept


def _is_quiet(connection: AbstractConnection) -> bool:
    """Whether the other side is still there, and has said nothing that nobody asked."""
    stream = connection._reader
    return (
        stream is not None
        and not stream.at_eof()
        and stream.exception() is None
        and not stream._buffer  # type: ignore[attr-defined]
        and not _reader_of(connection).has_data()
    )


def _reader_of(connection: AbstractConnection) -> Reader:
    return cast("Reader", cast("_AsyncHiredisParser", connection._parser)._reader)


async def _replies(count: int, connection: AbstractConnection) -> list[object]:
    # The parser's own method is a coroutine for each reply: as much work as all else on the way.
    gets, replies = _reader_of(connection).gets, list[object]()
    while True:
        while len(replies) < count and (reply := gets(False)) is not NOT_ENOUGH_DATA:
            if isinstance(reply, ConnectionFailure):
                raise reply
            replies.append(reply)
        if len(replies) == count:
            return replies
        await connection._parser.read_from_socket()  # type: ignore[attr-defined]


async def _bytes_before(end: bytes, count: int, connection: AbstractConnection) -> bytes:
    """All that comes until `end` has come, or behind `count` replies an error instead of it."""
    stream = connection._reader
    assert stream is not None, "it is connected"
    parts: list[bytes] = []
    last = b""
    while True:
        part = await stream.read(_BATCH_BYTES)
        if not part:
            raise ConnectionFailure("the connection was closed meanwhile")
        parts.append(part)
        last = (last + part[-_LONGEST_ERROR:])[-_LONGEST_ERROR:]
        if last.endswith(end):
            return b"".join(parts)[: -len(end)]
        error = _last_line(last)
        # Values may look like errors, too.
        if error.startswith(b"-") and len(replies_in(data := b"".join(parts))) > count:
            return data[: -len(error)]


def _last_line(data: bytes) -> bytes:
    """With the line break that it ends with; nothing where it does not."""
    return data[data[:-2].rfind(b"\r\n") + 2 :] if data.endswith(b"\r\n") else b""


async def _exchange(
    connection: AbstractConnection,
    commands: bytes,
    count: int,
    receive: "Callable[[AbstractConnection], Awaitable[T]]",
) -> T:
    """Send the commands, and what `receive` makes of the answer.

    The connection is dropped when anything fails midway, so a reply never meets a later command.
    One timeout holds for the whole batch, and writer and parser are asked directly: redis-py's own
    methods set a timer for each command and each reply, which doubles the time of 500 of them.
    """
    try:
        async with asyncio.timeout(connection.socket_timeout):
            await connection.check_health()  # type: ignore[no-untyped-call]
            if not connection.is_connected:
                raise ConnectionFailure("the connection was closed meanwhile")
            await connection._send_packed_command([commands])
            return await receive(connection)
    except OSError as error:
        await connection.disconnect(nowait=True)
        # As redis-py names them, so that callers handle one family of errors.
        failed = TimeoutFailure if isinstance(error, TimeoutError) else ConnectionFailure
        raise failed(f"round trip of {count} commands failed: {error!r}") from error
    except BaseException:
        await connection.disconnect(nowait=True)
        raise


async def send_all(redis: Redis, commands: Iterable[bytes]) -> int:
    """Run packed commands in batches of about a megabyte; returns how many. Raises on error.

    After a full batch the next is made in a thread, while the server works on this one.
    """
    iterator = iter(commands)
    batch, sent = _batch(iterator), 0
    while batch.commands:
        joined, count = b"".join(batch.commands), len(batch.commands)
        if not batch.full:
            await round_trip(redis, joined, count)
            return sent + count
        following = asyncio.create_task(asyncio.to_thread(_batch, iterator))
        try:
            await round_trip(redis, joined, count)
        finally:
            # The thread cannot be stopped; what it reads from must stay until it ends.
            await asyncio.wait([following])
        sent += count
        batch = following.result()
    return sent


class _Batch(NamedTuple):
    commands: list[bytes]
    full: bool


def _batch(commands: Iterator[bytes]) -> _Batch:
    """The next commands, a megabyte or all that are left."""
    taken: list[bytes] = []
    size = 0
    for command in commands:
        taken.append(command)
        size += len(command)
        if size >= _BATCH_BYTES:
            return _Batch(taken, full=True)
    return _Batch(taken, full=False)
