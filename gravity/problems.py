"""Errors as RFC 9457 problem documents: one shape, one place."""

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
_CODES = {
    400: "malformed_request",
    401: "token_missing",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "limit_reached",
    500: "internal_error",
    503: "unavailable",
}


class Problem(Exception):
    """Raised anywhere under a route, answered as a problem document.

    `code` is stable and for programs, `title` the same for every occurrence, `detail` about this
    one; `extras` are further members of the document, `headers` of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str | None = None,
        extras: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail or title}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.extras = dict(extras or {})
        self.headers = dict(headers or {})


class InvalidField(BaseModel):
    """One reason why a request was not valid."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "at": ["query", "size"],
                "message": "Input should be less than or equal to 50",
            }
        }
    )

    at: list[str | int] = Field(description="Where: body, query, path or header, then the path.")
    message: str


class ProblemDocument(BaseModel):
    """An error (RFC 9457). Programs go by `code`; more members may follow."""

    model_config = ConfigDict(
        title="Problem",
        json_schema_extra={
            "example": {
                "type": "urn:gravity:problem:token_expired",
                "title": "The token has expired",
                "status": 401,
                "code": "token_expired",
                "detail": None,
                "instance": "urn:gravity:request:0198c0de-0000-7000-8000-000000000000",
            }
        },
    )

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    instance: str = Field(description="Names this request, as the header X-Request-Id does.")
    errors: list[InvalidField] | None = None


def problem_responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """The `responses=` of a route or router that may answer with these problems."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def render(problem: Problem, request_id: str) -> JSONResponse:
    """The answer for a problem."""
    document: dict[str, object] = {
        "type": f"urn:gravity:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
    }
    if problem.detail is not None:
        document["detail"] = problem.detail
    document["instance"] = f"urn:gravity:request:{request_id}"
    return JSONResponse(
        document | problem.extras, problem.status, problem.headers, media_type=MEDIA_TYPE
    )


def body_too_large(limit: int) -> Problem:
    """The body has more than `limit` bytes."""
    return Problem(413, "body_too_large", "The body is too large", f"At most {limit} bytes.")


def internal_error() -> Problem:
    """Nobody foresaw this; the details are in the log under the request's id."""
    return Problem(500, "internal_error", "Something went wrong on our side")


async def on_problem(request: Request, error: Exception) -> JSONResponse:
    """Handler of Problem."""
    assert isinstance(error, Problem)
    return render(error, request_id_of(request))


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """Handler of what the framework raises: unknown route, wrong method, unreadable body."""
    assert isinstance(error, HTTPException)
    return render(of_http_exception(error), request_id_of(request))


def of_http_exception(error: HTTPException) -> Problem:
    """The problem that it stands for."""
    phrase = HTTPStatus(error.status_code).phrase
    detail = str(error.detail) if error.detail != phrase else None
    code = _CODES.get(error.status_code, "error")
    return Problem(error.status_code, code, phrase, detail, headers=error.headers)


def request_id_of(request: Request) -> str:
    """The id given by the middleware."""
    return str(request.scope.get("state", {}).get("request_id", ""))
