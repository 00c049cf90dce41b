"""A client of an app in this process, which may speak for anybody."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from fastapi import FastAPI

from gravity import issuer


@dataclass(frozen=True, slots=True)
class SignedClient:
    """Requests with the bearer token of whom they are for."""

    http: httpx.AsyncClient
    private_key: str
    clock: Callable[[], datetime]

    def headers(
        self, viewer: int, ttl: timedelta = timedelta(hours=1), zone: str = "", device: str = ""
    ) -> dict[str, str]:
        """The authorization of a viewer."""
        token = issuer.issue(self.private_key, viewer, self.clock(), ttl, zone=zone, device=device)
        return {"Authorization": f"Bearer {token}"}

    async def get(self, viewer: int, path: str, **params: str | int) -> httpx.Response:
        return await self.http.get(path, params=params, headers=self.headers(viewer))

    async def post(self, viewer: int, path: str, body: object) -> httpx.Response:
        return await self._send("POST", viewer, path, body)

    async def put(self, viewer: int, path: str, body: object) -> httpx.Response:
        return await self._send("PUT", viewer, path, body)

    async def delete(self, viewer: int, path: str) -> httpx.Response:
        return await self.http.delete(path, headers=self.headers(viewer))

    async def _send(self, method: str, viewer: int, path: str, body: object) -> httpx.Response:
        # Python's own JSON: NaN and lone surrogates are what a bad client may send.
        headers = self.headers(viewer) | {"Content-Type": "application/json"}
        content = json.dumps(body).encode()
        return await self.http.request(method, path, content=content, headers=headers)


@asynccontextmanager
async def signed_client(
    app: FastAPI, keys: issuer.KeyPair, clock: Callable[[], datetime]
) -> AsyncIterator[SignedClient]:
    """Open a client of `app`, whose settings hold the public key of `keys`."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        yield SignedClient(http, keys.private, clock)
