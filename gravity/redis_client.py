"""Redis clients whose commands can be cancelled at every moment."""

import asyncio
from collections.abc import Iterable
from typing import Final

from redis.asyncio import Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import TimeoutError as RedisTimeout


class _Cancellable(AbstractConnection):
    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        # The library sends in a task of its own, in asyncio's wait_for, which in Python 3.11 loses
        # a cancellation that comes as that task ends: whoever waits for a cancelled loop of
        # commands waits for ever. Without its timeout the library sends at once.
        patience, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(patience):
                await super().send_packed_command(command, check_health)
        except TimeoutError:
            raise RedisTimeout("Timeout writing to socket") from None
        finally:
            self.socket_timeout = patience


class _Plain(_Cancellable, Connection):
    pass


class _Ssl(_Cancellable, SSLConnection):
    pass


class _Unix(_Cancellable, UnixDomainSocketConnection):
    pass


_CANCELLABLE: Final[dict[type[AbstractConnection], type[AbstractConnection]]] = {
    Connection: _Plain,
    SSLConnection: _Ssl,
    UnixDomainSocketConnection: _Unix,
}


def cancellable(client: Redis) -> Redis:
    """The same client, of which no connection is made yet: a cancellation of whoever waits for one
    of its commands is never lost."""
    pool = client.connection_pool
    pool.connection_class = _CANCELLABLE[pool.connection_class]
    return client
