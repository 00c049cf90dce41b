"""The one layer around every route: request id, trace, body limit, metrics, access log."""

import logging
import re
import time
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gravity import problems, telemetry
from gravity.plain_route import PlainRoutes

log = logging.getLogger("gravity.access")

# A client may name its request, in characters that cannot forge a log line.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = ("/healthz", "/readyz", "/metrics")


class Edge:
    """Plain ASGI, so that streaming and cancellation stay as they are."""

    def __init__(
        self, app: ASGIApp, max_body: int, new_id: Callable[[], str], plain: PlainRoutes
    ) -> None:
        self._app = app
        self._max_body = max_body
        self._new_id = new_id
        self._plain = plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Of a name that comes twice the first counts, as it does for the framework.
        headers = {name.decode("latin-1"): value for name, value in reversed(scope["headers"])}
        scope.setdefault("state", {})["request_id"] = self._id_from(headers)
        answer = _Answer(send, scope["state"]["request_id"])
        started = time.perf_counter()
        with telemetry.span(scope["method"], "server", telemetry.extract(headers)) as span:
            await self._answer(scope, _Limited(receive, self._max_body), answer, headers)
            route = getattr(scope.get("route"), "path", "unmatched")
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.request.method", scope["method"])
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", answer.status)
            _account(scope, route, answer.status, time.perf_counter() - started)

    def _id_from(self, headers: dict[str, bytes]) -> str:
        offered = headers.get("x-request-id", b"").decode("latin-1")
        return offered if _REQUEST_ID.fullmatch(offered) else self._new_id()

    async def _answer(
        self, scope: Scope, receive: "_Limited", answer: "_Answer", headers: dict[str, bytes]
    ) -> None:
        try:
            length = headers.get("content-length", b"0")
            if not length.isdigit() or int(length) > self._max_body:
                raise problems.body_too_large(self._max_body)
            left: Receive | None = receive
            plain = self._plain.get((scope["method"], scope["path"]))
            if plain is not None:
                scope["route"] = plain
                left = await plain.plainly(scope, headers, receive, answer)
            if left is not None:
                await self._app(scope, left, answer)
        except Exception as error:
            if answer.status:
                # The head is sent: the connection can only be cut.
                raise
            if isinstance(error, HTTPException):
                error = problems.of_http_exception(error)
            if not isinstance(error, problems.Problem):
                log.exception("unhandled error")
                error = problems.internal_error()
            await problems.render(error, scope["state"]["request_id"])(scope, receive, answer)


class _Limited:
    """Stops reading a body without a length once it is too long."""

    def __init__(self, receive: Receive, max_body: int) -> None:
        self._receive = receive
        self._max_body = max_body
        self._read = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._max_body:
            # The framework passes on only its own kind of exception from here.
            raise HTTPException(413, f"At most {self._max_body} bytes.")
        return message


class _Answer:
    """Notes the status, and names the request to the client."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            head = [*message.get("headers", []), (b"x-request-id", self._request_id.encode())]
            message = {**message, "headers": head}
        await self._send(message)


def _account(scope: Scope, route: str, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    telemetry.HTTP_REQUESTS.labels(method, route, str(status)).inc()
    telemetry.HTTP_SECONDS.labels(method, route).observe(seconds)
    if route in _QUIET:
        return
    # The path's template, not the path nor the query: those may hold ids and secrets.
    log.info(
        "request",
        extra={
            "request_id": scope["state"]["request_id"],
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
        },
    )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
