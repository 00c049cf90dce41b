"""What phones do with answers that a healthy platform gives too seldom to wait for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from simulator.phones import NotAllowed, Phones, PlatformAway, Shown, Swipe

Answer = Callable[[httpx.Request], httpx.Response]


@dataclass
class Scripted:
    """Answers one request after the other, the last one for ever, each after so many seconds of a
    clock that only answers and pauses move."""

    answers: list[Answer]
    seconds: float = 0.0
    clock: float = 5_000.0
    asked: list[httpx.Request] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def phones(self) -> Phones:
        """Phones that reach this platform."""
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="http://api")
        return Phones(http, lambda person: f"token-{person}", self._sleep, lambda: self.clock)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.asked_at.append(self.clock - 5_000.0)
        self.clock += self.seconds
        return self.answers[min(len(self.asked), len(self.answers)) - 1](request)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock += seconds


def says(status: int, body: Any = None, **headers: str) -> Answer:
    return lambda request: httpx.Response(status, json=body or {}, headers=headers)


def silent(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


TOO_FAST = says(429, {"title": "Swipes come too fast"}, **{"Retry-After": "40"})
AWAY = says(503, {"title": "Unavailable"}, **{"Retry-After": "1"})
SWIPES = [Swipe(Shown(8, "t8"), True), Swipe(Shown(9, "t9"), False)]


def results(*statuses: str) -> Answer:
    return says(200, {"results": [{"candidate": 8, "status": status} for status in statuses]})


async def test_a_batch_comes_again_as_it_was_when_the_platform_says_so() -> None:
    platform = Scripted([TOO_FAST, AWAY, silent, results("duplicate", "accepted")])
    await platform.phones().swipe(7, SWIPES)
    assert platform.slept == [40.0, 1.0, 1.0]
    assert len({request.content for request in platform.asked}) == 1


async def test_each_batch_has_ids_of_its_own() -> None:
    platform = Scripted([results("accepted", "accepted")])
    phones = platform.phones()
    await phones.swipe(7, SWIPES)
    await phones.swipe(7, SWIPES)
    assert platform.asked[0].content != platform.asked[1].content


async def test_many_swipes_are_several_batches() -> None:
    platform = Scripted([results("accepted")])
    await platform.phones().swipe(7, SWIPES * 75)
    assert len(platform.asked) == 2


@pytest.mark.parametrize(
    ("answer", "seconds", "says_so", "last", "asked"),
    [
        # Quick answers: pauses of 40 and 1 s, and the last request when patience is just not over.
        (TOO_FAST, 0.0, "429 Swipes come too fast", 1800.0, 46),
        (AWAY, 0.0, "503 Unavailable", 60.0, 61),
        (silent, 0.0, "no answer from http://api: ConnectError", 60.0, 61),
        (says(503, **{"Retry-After": "0"}), 0.0, "503 Service Unavailable", 60.0, 61),
        # Slow ones count as pauses do: each try takes 45, 6, 7.5 and 31 s.
        (TOO_FAST, 5.0, "429 Swipes come too fast", 1800.0, 41),
        (AWAY, 5.0, "503 Unavailable", 60.0, 11),
        (AWAY, 6.5, "503 Unavailable", 60.0, 9),
        (silent, 30.0, "no answer from http://api: ConnectError", 31.0, 2),
        # One that takes longer than anybody is patient, and a pause that does.
        (AWAY, 61.0, "503 Unavailable", 0.0, 1),
        (says(503, **{"Retry-After": "61"}), 0.0, "503 Service Unavailable", 0.0, 1),
    ],
)
async def test_patience_ends(
    answer: Answer, seconds: float, says_so: str, last: float, asked: int
) -> None:
    platform = Scripted([answer], seconds)
    with pytest.raises(PlatformAway, match=says_so):
        await platform.phones().deck(7, 20)
    assert (platform.asked_at[-1], len(platform.asked)) == (last, asked)
    assert len(platform.slept) == asked - 1


async def test_each_kind_of_answer_has_a_patience_of_its_own_over_all_of_a_request() -> None:
    cards = says(200, {"cards": []})
    # 60 s away, 1,800 s too fast and 60 s of silence, one after the other and mixed.
    patient = [*[AWAY] * 40, *[TOO_FAST] * 45, *[silent] * 60, *[AWAY] * 20]
    platform = Scripted([*patient, cards])
    assert await platform.phones().deck(7, 20) == []
    assert sum(platform.slept) == 60.0 + 1800.0 + 60.0
    for one_more in (AWAY, TOO_FAST, silent):
        with pytest.raises(PlatformAway):
            await Scripted([*patient, one_more, cards]).phones().deck(7, 20)


async def test_each_request_has_all_of_the_patience() -> None:
    swiped = results("accepted")
    platform = Scripted([*[AWAY] * 60, swiped, *[AWAY] * 60, swiped])
    await platform.phones().swipe(7, SWIPES * 75)
    assert len(platform.asked) == 122


@pytest.mark.parametrize(
    ("answer", "says_so"),
    [
        (says(401, {"title": "Token expired"}), r"token of person 7 \(401 Token expired\)"),
        (says(409, {"title": "No profile yet"}), "/v1/deck for person 7: 409 No profile yet"),
        (says(500), "500 Internal Server Error"),
        (lambda request: httpx.Response(502, text="<html>"), "502 Bad Gateway"),
        (lambda request: httpx.Response(404, json=[]), "404 Not Found"),
    ],
)
async def test_a_refusal_says_whose(answer: Answer, says_so: str) -> None:
    platform = Scripted([answer])
    with pytest.raises(NotAllowed, match=says_so):
        await platform.phones().deck(7, 20)
    assert (len(platform.asked), platform.slept) == (1, [])


@pytest.mark.parametrize("status", ["over_limit", "token_expired", "token_used"])
async def test_a_swipe_that_is_refused_for_good_is_an_error(status: str) -> None:
    platform = Scripted([results("accepted", status)])
    with pytest.raises(NotAllowed, match=f"person 7 on 8 was refused: {status}"):
        await platform.phones().swipe(7, SWIPES)


async def test_whoever_is_not_told_who_likes_them_cannot_answer() -> None:
    page = {"items": [{"blurred": True}], "next": None}
    with pytest.raises(NotAllowed, match="person 7 is not told who likes them"):
        await Scripted([says(200, page)]).phones().likes(7)


async def test_likes_are_read_page_by_page() -> None:
    def page(person: int, after: str | None) -> Answer:
        item = {"blurred": False, "id": person, "token": f"t{person}"}
        return says(200, {"items": [item], "next": after})

    platform = Scripted([page(8, "there"), page(9, None)])
    assert await platform.phones().likes(7) == [Shown(8, "t8"), Shown(9, "t9")]
    assert [request.url.params.get("after") for request in platform.asked] == [None, "there"]
