"""An endpoint of the ranker that does nothing, where rankings are answered."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.rank_route import PATH as RANK

# Below the path of rankings, so that what is left out for them is left out for it.
PATH: Final = f"{RANK}/empty"


class Empty:
    """Answers 204 there; a middleware, as `RankRoute` is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
