"""Redis clients whose commands can be cancelled at every moment."""

import asyncio
from collections.abc import Iterable
from typing import Final

from redis.asyncio import Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeout


class _Cancellable(AbstractConnection):
    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        # As the library's own, which however sends in a task, in asyncio's wait_for: in Python 3.11
        # that loses a cancellation that comes as the task ends, and whoever waits for a cancelled
        # loop of commands waits for ever.
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        if isinstance(command, str):
            command = command.encode()
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command(
                    [command] if isinstance(command, bytes) else command
                )
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise RedisTimeout("Timeout writing to socket") from None
        except OSError as error:
            await self.disconnect(nowait=True)
            raise RedisConnectionError(f"writing to the socket failed: {error!r}") from error
        except BaseException:
            # Half of a command may have left.
            await self.disconnect(nowait=True)
            raise


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
