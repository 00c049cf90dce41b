"""Requests that do not fit the schema, as problem documents."""

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from gravity.problems import Problem, render, request_id_of


async def on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """Handler of requests that do not fit the schema. Never repeats the input."""
    assert isinstance(error, RequestValidationError)
    errors = [{"at": list(each["loc"]), "message": each["msg"]} for each in error.errors()[:20]]
    problem = Problem(422, "invalid_request", "The request is not valid", extras={"errors": errors})
    return render(problem, request_id_of(request))
