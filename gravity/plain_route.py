"""A route for what people send all the time, without the framework's solving of dependencies."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, get_args
from urllib.parse import parse_qsl

from fastapi.datastructures import Default
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from gravity import auth

_NOTHING: Final = 204
_STATUSES: Final = (None, 200, _NOTHING)
_WHOLE: Final[Mapping[str, object]] = {
    "include": None,
    "exclude": None,
    "by_alias": True,
    "exclude_unset": False,
    "exclude_defaults": False,
    "exclude_none": False,
}
_DEFAULT: Final = Default(JSONResponse)
_JSON: Final = b"application/json"


class PlainRoute(APIRoute):
    """A route whose endpoint takes `who` asks (a Caller) and either a JSON `body` or a `query` (a
    model of single values), and gives a model, or None with status 204.

    What is plainly right is parsed from the bytes, handed over and written as bytes by `plainly`,
    which `Edge` asks first: a fifth of the framework's own time. Anything else (no valid token,
    another content type, a body or query that does not fit) goes the framework's way, so that there
    is one way to refuse; and from there come the description and the errors.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        super().__init__(path, endpoint, **given)
        if given.get("dependencies") or self.param_convertors or self.status_code not in _STATUSES:
            raise TypeError("a plain route has neither dependencies nor parameters, nor a status")
        signature = inspect.signature(endpoint, eval_str=True)
        names = list(signature.parameters)
        if names not in (["who", "body"], ["who", "query"]):
            raise TypeError("a plain route's endpoint takes who and body, or who and query")
        self._takes = names[1]
        taken: Any = signature.parameters[self._takes].annotation
        given_back: Any = signature.return_annotation
        self._refuse_another_answer(given_back)
        self._call = endpoint
        self._taken: TypeAdapter[object] = TypeAdapter(taken)
        self._answer: TypeAdapter[object] = TypeAdapter(given_back)

    def _refuse_another_answer(self, given_back: object) -> None:
        """Raise TypeError where the framework would answer otherwise than with what the endpoint
        gives, whole."""
        answered = (
            self.response_model,
            self.response_class if self.response_class is not JSONResponse else _DEFAULT,
            *(getattr(self, f"response_model_{option}") for option in _WHOLE),
        )
        if answered != (given_back, _DEFAULT, *_WHOLE.values()):
            raise TypeError("a plain route answers with all of what its endpoint is said to give")
        nothing = given_back is None
        if nothing != (self.status_code == _NOTHING) or type(None) in get_args(given_back):
            raise TypeError("a plain route gives a model, or None with status 204: always the same")

    async def plainly(
        self, scope: Scope, headers: Mapping[str, bytes], receive: Receive, send: Send
    ) -> Receive | None:
        """Answer; or give back where the framework finds the body. `headers`: the first of each
        name. Raises HTTPException, and what the endpoint raises."""
        who = auth.caller_of(scope, headers.get("authorization", b"").decode("latin-1"))
        if who is None:
            return receive
        left = receive
        try:
            if self._takes == "query":
                taken = self._taken.validate_python(_query(scope["query_string"]))
            elif _is_json(headers.get("content-type", b"")):
                raw = await _read(receive)
                left = _read_already(raw, receive)
                taken = self._taken.validate_json(raw)
            else:
                return receive
        except ValidationError:
            return left
        answer = await self._call(who, taken)
        await self._send(answer, send)
        return None

    async def _send(self, answer: object, send: Send) -> None:
        if answer is None:
            await send({"type": "http.response.start", "status": _NOTHING, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        content = self._answer.dump_json(answer, by_alias=True)
        head = [(b"content-length", b"%d" % len(content)), (b"content-type", _JSON)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": content})


PlainRoutes = Mapping[tuple[str, str], PlainRoute]
"""Those of an app by method and path."""


def plain_routes(routes: Iterable[BaseRoute]) -> PlainRoutes:
    """Those among the routes of an app; of two the first, as the framework would have it."""
    plain: dict[tuple[str, str], PlainRoute] = {}
    for route in routes:
        if isinstance(route, PlainRoute):
            for method in route.methods or ():
                plain.setdefault((method, route.path), route)
    return plain


def _query(raw: bytes) -> dict[str, str]:
    """Names and values; of a name that comes twice the last one counts, as for the framework."""
    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True)) if raw else {}


def _is_json(content_type: bytes) -> bool:
    return content_type == _JSON or content_type.partition(b";")[0].strip().lower() == _JSON


async def _read(receive: Receive) -> bytes:
    """The whole body. Raises HTTPException where it never comes."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "The body ended early.")
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _read_already(raw: bytes, receive: Receive) -> Receive:
    """Gives the body once more, then what comes after it."""
    left: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again
