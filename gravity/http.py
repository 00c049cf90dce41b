"""The HTTP app factory: every service's app is made here."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import Lifespan

from gravity import problems
from gravity.auth import TokenVerifier
from gravity.http_middleware import Edge
from gravity.invalid_request import on_invalid_request
from gravity.kernel import Kernel
from gravity.plain_route import plain_routes

MAX_BODY = 1024 * 1024
_READY_S = 2.0

# Edge makes the request's span; the framework's own would double it, with the query in it.
_OWN_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}

Check = Callable[[], Awaitable[object]]


def create_app(
    title: str,
    kernel: Kernel,
    routers: Sequence[APIRouter],
    *,
    checks: Mapping[str, Check] | None = None,
    max_body: int = MAX_BODY,
) -> FastAPI:
    """An app that answers every error as a problem document.

    Its lifespan is that of the routers. `checks` decide /readyz beside Postgres and Redis: each
    passes unless it raises.
    `app.state.kernel` holds the kernel, for dependencies that are not closures.
    """
    app = FastAPI(
        title=title,
        version="1",
        lifespan=_together([each.lifespan_context for each in routers]),
        redoc_url=None,
        telemetry=_OWN_TELEMETRY,
    )
    app.state.kernel = kernel
    app.state.tokens = TokenVerifier.of(kernel.settings)
    every = [*routers, _operations(kernel, dict(checks or {}))]
    app.add_middleware(
        Edge,
        max_body=max_body,
        new_id=lambda: str(uuid.uuid4()),
        plain=plain_routes(route for router in every for route in router.routes),
    )
    if kernel.settings.playground_url:
        _let_in(app, kernel.settings.playground_url)
    app.add_exception_handler(problems.Problem, problems.on_problem)
    app.add_exception_handler(HTTPException, problems.on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    for router in every:
        # Not included, which would match a path anew at each level.
        app.router.routes.extend(router.routes)
    app.openapi = _described(app)  # type: ignore[method-assign]
    return app


def _let_in(app: FastAPI, origin: str) -> None:
    """Let pages of this one origin call the app. Around `Edge`, so that they may read what it
    refuses as well; and around nothing at all where there is no such origin."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[origin],
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Retry-After", "X-Request-Id"],
        # As long as browsers remember a preflight: half the requests otherwise.
        max_age=7200,
    )


def _together(lifespans: Sequence[Lifespan[FastAPI]]) -> Lifespan[FastAPI]:
    """All of them, ended in the reverse order."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for each in lifespans:
                await stack.enter_async_context(each(app))
            yield

    return lifespan


def _operations(kernel: Kernel, checks: dict[str, Check]) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    all_checks: dict[str, Check] = {
        "postgres": lambda: kernel.pool.fetchval("select 1"),
        "redis": lambda: kernel.redis.exists("gravity"),
        **checks,
    }

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def ready() -> Response:
        failed = [name for name, check in all_checks.items() if not await _passes(check)]
        return JSONResponse({"ready": not failed, "failed": failed}, 503 if failed else 200)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(_READY_S):
            await check()
    except Exception:
        return False
    return True


def _described(app: FastAPI) -> Callable[[], dict[str, object]]:
    """The OpenAPI document with the problem schema in it, made once."""

    def document() -> dict[str, object]:
        if not app.openapi_schema:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            schemas.pop("HTTPValidationError", None)
            schemas.pop("ValidationError", None)
            schemas |= _problem_schemas()
            for operation in _operations_of(made):
                _speak_problems(operation)
            app.openapi_schema = made
        return app.openapi_schema

    return document


def _problem_schemas() -> dict[str, object]:
    whole = problems.ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**whole.pop("$defs"), "Problem": whole}


def _operations_of(
    document: dict[str, dict[str, dict[str, dict[str, object]]]],
) -> list[dict[str, object]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def _speak_problems(operation: dict[str, object]) -> None:
    """Where the framework promises its own shape of validation errors, promise ours."""
    responses = operation.get("responses")
    if isinstance(responses, dict) and "422" in responses:
        responses["422"] = problems.problem_responses(422)[422]
