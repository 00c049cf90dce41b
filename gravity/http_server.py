"""The HTTP server of a process."""

import asyncio
import socket

import uvicorn


class Server(uvicorn.Server):
    """Says that it stops before it waits for requests under way: those that wait for news must end
    by themselves."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, after the word."""
        self._stopping.set()
        await super().shutdown(sockets)
