"""MLflow's REST API over plain HTTP: its client costs 4–12 s and 180 MB to import, this nothing."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import httpx
from pydantic import JsonValue

_API: Final = "/api/2.0/mlflow/"
_ARTIFACTS: Final = "/api/2.0/mlflow-artifacts/artifacts"
_SCHEME: Final = "mlflow-artifacts:/"
_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)

Json = dict[str, JsonValue]


@cache
def _tls() -> ssl.SSLContext:
    # Once a process: the certificates take 30 ms of the ranker, which asks every two seconds.
    return ssl.create_default_context()


class MLflowUnreachable(Exception):
    """MLflow did not answer, or answered with an error of its own (5xx)."""


class MLflowRefused(Exception):
    """MLflow understood and said no; `code` is its error code, such as RESOURCE_DOES_NOT_EXIST."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class ArtifactsElsewhere(Exception):
    """The artifacts of the run are not served by MLflow's proxy."""


@dataclass(frozen=True, slots=True)
class MLflow:
    """One connection pool to an MLflow server that serves its artifacts."""

    http: httpx.AsyncClient

    async def get(self, endpoint: str, **params: str | int) -> Json:
        """GET below the API. Raises MLflowUnreachable, MLflowRefused."""
        return _body(await self._send("GET", _API + endpoint, params=params))

    async def post(self, endpoint: str, body: Mapping[str, JsonValue]) -> Json:
        """POST below the API. Raises MLflowUnreachable, MLflowRefused."""
        return _body(await self._send("POST", _API + endpoint, json=body))

    async def delete(self, endpoint: str, body: Mapping[str, JsonValue]) -> None:
        """DELETE below the API. Raises MLflowUnreachable, MLflowRefused."""
        await self._send("DELETE", _API + endpoint, json=body)

    async def files(self, uri: str) -> list[str]:
        """Names of the files directly in an artifact folder."""
        found = _body(await self._send("GET", _ARTIFACTS, params={"path": _proxied(uri)}))
        files = found.get("files") or []
        assert isinstance(files, list)
        return sorted(
            str(file["path"]) for file in files if isinstance(file, dict) and not file["is_dir"]
        )

    @asynccontextmanager
    async def read(self, uri: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of an artifact, in chunks. Raises MLflowUnreachable, MLflowRefused."""
        try:
            async with self.http.stream("GET", f"{_ARTIFACTS}/{_proxied(uri)}") as response:
                if response.is_error:
                    await response.aread()
                _check(response)
                yield response.aiter_bytes(1 << 20)
        except httpx.TransportError as error:
            raise MLflowUnreachable(str(error)) from error

    async def write(self, uri: str, content: bytes | Path) -> None:
        """Store an artifact: bytes, or a file that is sent in chunks."""
        body = _chunks(content) if isinstance(content, Path) else content
        await self._send("PUT", f"{_ARTIFACTS}/{_proxied(uri)}", content=body)

    async def _send(self, method: str, path: str, **request: object) -> httpx.Response:
        try:
            response = await self.http.request(method, path, **request)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            raise MLflowUnreachable(f"{self.http.base_url}: {error!r}") from error
        _check(response)
        return response


@asynccontextmanager
async def open_mlflow(mlflow_url: str) -> AsyncIterator[MLflow]:
    """A client of the server at `mlflow_url`; nothing is sent before the first call."""
    async with httpx.AsyncClient(base_url=mlflow_url, timeout=_TIMEOUT, verify=_tls()) as http:
        yield MLflow(http)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _proxied(uri: str) -> str:
    """The path by which the proxy knows an artifact."""
    if not uri.startswith(_SCHEME):
        raise ArtifactsElsewhere(uri)
    return uri.removeprefix(_SCHEME).lstrip("/")


def _check(response: httpx.Response) -> None:
    if response.is_server_error:
        raise MLflowUnreachable(f"{response.url}: status {response.status_code}")
    if response.is_error:
        body = _body(response)
        code = str(body.get("error_code", response.status_code))
        raise MLflowRefused(code, str(body.get("message", response.url)))


def _body(response: httpx.Response) -> Json:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
