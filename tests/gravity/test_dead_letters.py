"""Poison is put aside with its reason, bounded and counted, and can be handled later."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from contracts import events_pb2 as events
from contracts import topics
from gravity import dead_letters
from gravity.bus import Message, Producer, Record
from gravity.consumer import InvalidRecord, Subscription, consume
from gravity.dead_letters import Refused, park
from gravity.settings import Settings
from tests.cli.worlds import environment_of
from tests.gravity.test_consumer import erased, note, noted, position, until_noted

TOPIC = topics.PERSON_ERASED
POISON = Message(TOPIC.name, b"2", b"\xff\xff\xff")


class Handler:
    """Notes people; person 2 is refused until it is repaired, and `breaks` is raised for them."""

    def __init__(self) -> None:
        self.repaired = False
        self.breaks: Exception | None = None

    async def __call__(self, conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        await note(conn, records)
        for record in records:
            if events.PersonErased.FromString(record.value).person == 2 and not self.repaired:
                raise self.breaks or InvalidRecord(record, "nobody has this id")


@asynccontextmanager
async def consuming(handler: Handler, pool: asyncpg.Pool, bus_url: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    what = Subscription("notes", (TOPIC,), handler)
    task = asyncio.create_task(consume(what, pool, bus_url, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def gravity(settings: Settings, *words: str) -> Result:
    """Run `gravity deadletters …`."""
    runner = CliRunner(env=environment_of(settings))
    return await asyncio.to_thread(runner.invoke, app, ["deadletters", *words])


async def letters(pool: asyncpg.Pool) -> list[tuple[int, str, int]]:
    rows = await pool.fetch("select * from dead_letters order by id")
    return [(row["record_offset"], row["reason"], row["attempts"]) for row in rows]


async def test_poison_is_put_aside_and_applied_once_when_the_handler_can(
    tables: asyncpg.Pool, producer: Producer, settings: Settings
) -> None:
    handler = Handler()
    for n in (1, 2, 3):
        await producer.append(erased(n))
    async with consuming(handler, tables, settings.bus_url):
        assert await until_noted(tables, 2) == ["1", "3"]
        assert await position(tables) == 3
        assert await letters(tables) == [(1, "nobody has this id", 1)]

        again = await gravity(settings, "replay", "--all")
        assert (again.exit_code, again.output) == (1, "0 handled, 1 refused again\n")
        assert await letters(tables) == [(1, "nobody has this id", 2)]

        handler.repaired = True
        again = await gravity(settings, "replay", "--consumer", "notes")
        assert (again.exit_code, again.output) == (0, "1 handled, 0 refused again\n")
        assert await noted(tables) == ["1", "3", "2"]
        assert await letters(tables) == []
        await producer.append(erased(4))
        assert await until_noted(tables, 4) == ["1", "3", "2", "4"]


async def test_an_unknown_error_of_a_replay_keeps_the_letter_and_holds_up_nothing(
    tables: asyncpg.Pool, producer: Producer, settings: Settings
) -> None:
    handler = Handler()
    await producer.append(erased(2))
    async with consuming(handler, tables, settings.bus_url):
        await producer.append(erased(3))
        await until_noted(tables, 1)
        handler.breaks = KeyError("what the record says")
        assert (await gravity(settings, "replay", "--all")).exit_code == 1
        assert await letters(tables) == [(0, "KeyError", 2)]
        await producer.append(erased(4))
        assert await until_noted(tables, 2) == ["3", "4"]


async def test_a_batch_full_of_poison_is_put_aside_whole(
    tables: asyncpg.Pool, producer: Producer, settings: Settings
) -> None:
    await producer.append_many([Message(TOPIC.name, b"%d" % n, b"\xff") for n in range(50)])
    await producer.append(erased(1))
    async with consuming(Handler(), tables, settings.bus_url):
        assert await until_noted(tables, 1) == ["1"]
    assert [offset for offset, _, _ in await letters(tables)] == list(range(50))


async def test_the_list_shows_contents_only_where_they_are_asked_for(
    tables: asyncpg.Pool, producer: Producer, settings: Settings
) -> None:
    await producer.append(POISON)
    async with consuming(Handler(), tables, settings.bus_url):
        while not await letters(tables):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    listed = json.loads((await gravity(settings, "list", "--json")).output)
    [letter] = listed["letters"]
    assert (letter["consumer"], letter["topic"], letter["offset"]) == ("notes", TOPIC.name, 0)
    assert "Error parsing message" in letter["reason"]
    assert "value" not in letter
    shown = json.loads((await gravity(settings, "list", "--json", "--payload")).output)
    assert shown["letters"][0]["value"] == "ffffff"
    table = (await gravity(settings, "list", "--consumer", "notes")).output
    assert f"{TOPIC.name}/0:0" in table
    assert "ffffff" not in table
    assert (await gravity(settings, "list", "--consumer", "another")).output == "no dead letters\n"


async def test_a_replay_that_nobody_does_is_told(tables: asyncpg.Pool, settings: Settings) -> None:
    async with tables.acquire() as conn:
        await park(conn, "not running", [refused(0)])
    told = await gravity(settings, "replay", "--all", "--timeout", "0.1")
    assert told.exit_code == 1
    assert "0 handled" in told.output
    assert "(not running)" in told.output


@pytest.mark.parametrize("words", [(), ("--all", "--consumer", "notes"), ("--all", "--id", "1")])
async def test_a_replay_has_to_be_told_which(settings: Settings, words: tuple[str, ...]) -> None:
    assert (await gravity(settings, "replay", *words)).exit_code == 2


async def test_an_id_that_is_none_is_told(tables: asyncpg.Pool, settings: Settings) -> None:
    told = await gravity(settings, "replay", "--id", "7")
    assert told.exit_code == 2
    assert "no dead letter has the id 7" in told.output


def refused(offset: int) -> Refused:
    return Refused(Record(TOPIC.name, 0, offset, b"", b"", {"a": b"\xff"}, 1), "no reason")


async def test_a_record_refused_twice_is_one_letter(tables: asyncpg.Pool) -> None:
    async with tables.acquire() as conn:
        await park(conn, "notes", [refused(5), refused(6)])
        await park(conn, "notes", [refused(5)])
        await park(conn, "others", [refused(5)])
    assert await letters(tables) == [(5, "no reason", 2), (6, "no reason", 1), (5, "no reason", 1)]


async def test_the_oldest_beyond_the_bound_are_dropped_and_counted(
    tables: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "KEPT", 3)
    async with tables.acquire() as conn:
        await park(conn, "others", [refused(0)])
        assert await park(conn, "notes", [refused(n) for n in range(3)]) == 0
        assert await park(conn, "notes", [refused(n) for n in (3, 4)]) == 2
        assert await park(conn, "notes", [refused(5)]) == 1
    assert [offset for offset, _, _ in await letters(tables)] == [0, 3, 4, 5]
    assert await tables.fetchval("select dropped from dead_letters_dropped") == 3


async def test_letters_of_a_month_ago_are_removed_by_who_runs(
    tables: asyncpg.Pool, producer: Producer, settings: Settings
) -> None:
    async with tables.acquire() as conn:
        await park(conn, "nobody's", [refused(0), refused(1)])
    await tables.execute(
        "update dead_letters set at = now() - interval '31 days' where record_offset = 0"
    )
    async with consuming(Handler(), tables, settings.bus_url):
        while len(await letters(tables)) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert await letters(tables) == [(1, "no reason", 1)]
