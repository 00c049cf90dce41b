"""What a deck is held against: the floor reads and scans what a deck does, the textbook's path
deals the same people."""

import socket
import threading
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from cli.bench.deck.asked import RETRIEVED, Asked, asked_of
from cli.bench.deck.kept import Answer, Closed, Kept
from cli.bench.deck.rows import RawRedis, commands_of
from cli.bench.deck.scans import SCANS
from cli.bench.textbook.client import Dealt, check_dealt
from cli.bench.textbook.index import Index
from cli.bench.world.population import Population, draw_population
from cli.bench.world.release import write_population
from cli.bench.world.seen import Seen, draw_seen
from cli.bench.world.source import source_for
from cli.bench.world.truth import world_of
from cli.check.world import World
from features.online import encode_column, feature_field
from features.release import Release
from features.view_writer import write_view
from features.views import Kind, factors
from features.wire import packed
from tests.cli.bench.test_world import NOW, TODAY
from tests.infrastructure import Infra

PEOPLE: Final = 6_000
VIEWERS: Final = np.arange(0, PEOPLE, 200)


@dataclass(frozen=True)
class Known:
    """A population with its release, what brute force says of it, and what viewers ask for."""

    population: Population
    seen: Seen
    release: Release
    world: World
    asked: list[Asked]

    def allowed(self, viewer: int) -> list[int]:
        """Everybody whom they may see, in the order of ids."""
        mask = self.world.unseen_eligible(self.world.people.row(viewer))
        ids: list[int] = self.world.people.person[mask].tolist()
        return ids


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    folder = tmp_path_factory.mktemp("floor")
    source, random = source_for(600, folder / "sources", NOW), np.random.default_rng(3)
    population = draw_population(source, PEOPLE, TODAY, random)
    seen = draw_seen(population, random)
    write_population(folder / "1", population, seen, source, NOW, random)
    release = Release.open(folder / "1")
    world = world_of(population, seen, VIEWERS)
    return Known(
        population, seen, release, world, list(asked_of(population, seen, release, VIEWERS))
    )


def test_a_floor_is_of_everybody_whom_brute_force_allows(known: Known) -> None:
    assert [each.viewer for each in known.asked] == known.population.person_id[VIEWERS].tolist()
    for each in known.asked:
        ids = known.population.person_id[each.rows]
        assert sorted(ids.tolist()) == known.allowed(each.viewer)
        assert len(each.best) == min(RETRIEVED, len(ids))
    sizes = [len(each.rows) for each in known.asked]
    assert min(sizes) < RETRIEVED < max(sizes)


def test_every_scan_finds_the_200_best(known: Known) -> None:
    table = np.asarray(known.release.arrays.candidate_vectors)
    for each in known.asked:
        scores = table[each.rows].astype(np.float64) @ each.query.astype(np.float64)
        best = np.sort(scores)[::-1][:RETRIEVED]
        for name, scan in SCANS.items():
            places = scan(table, each)
            assert scores[places] == pytest.approx(best, abs=1e-4), name


async def test_a_floor_reads_what_a_deck_reads(known: Known, infra: Infra, redis: Redis) -> None:
    view = factors("1")
    ids, a = known.population.person_id, known.release.arrays
    columns = [a.taste, a.given_rate, a.received_rate]
    await write_view(redis, view, ids, columns, 1000)
    asked = max(known.asked, key=lambda each: len(each.best))
    await redis.set(f"person:{{{asked.best[3]}}}", b"h" * 300)
    await redis.zadd(f"seen:{{{asked.viewer}}}", {str(asked.best[5]): 50.0, "8": 10.0})
    await redis.zadd(f"likes:{{{asked.viewer}}}", {"9": 50.0})
    fields = [feature_field(view.name, feature.name) for feature in view.features]
    commands = commands_of(asked, fields, since=20)
    with RawRedis(infra.redis_url) as raw:
        _, _, recent, likers, *rest = raw.ask(b"".join(commands), len(commands))
    assert (recent, likers) == ([b"%d" % asked.best[5]], [b"9"])
    hashes, rest = rest[: RETRIEVED + 1], rest[RETRIEVED + 1 :]
    rows = known.release.rows_of([asked.viewer, *asked.best])
    tastes = encode_column(Kind.FLOAT32_LIST, a.taste[rows])
    assert [found[0] for found in cast("list[list[bytes]]", hashes)] == tastes
    heads, (swiped, blocked, withdrawn) = rest[:RETRIEVED], rest[RETRIEVED:]
    assert heads == [b"h" * 71 if place == 3 else b"" for place in range(RETRIEVED)]
    assert [score is not None for score in cast("list[object]", swiped)].index(True) == 5
    assert blocked == withdrawn == [0] * RETRIEVED


async def test_an_error_of_redis_is_no_read(infra: Infra, redis: Redis) -> None:
    await redis.set("text", "a")
    with (
        RawRedis(infra.redis_url) as raw,
        pytest.raises(ResponseError, match="WRONGTYPE"),
    ):
        raw.ask(packed(b"GET", b"text") + packed(b"ZSCORE", b"text", b"1"), 2)


def test_a_kept_connection_waits_for_the_whole_answer() -> None:
    parts = [
        b"HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"ngth: 4\r\n\r\nab",
        b"cd",
    ]
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked.append(connection.recv(1000))
            connection.sendall(parts[0])
            asked.append(connection.recv(1000))
            for part in parts[1:]:
                connection.sendall(part)
            connection.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = threading.Thread(target=serve)
        serving.start()
        with Kept(server.getsockname()[1]) as kept:
            assert kept.get("/a?b=1") == Answer(204, b"")
            assert kept.get("/c") == Answer(200, b"abcd")
            with pytest.raises(Closed):
                kept.get("/d")
        serving.join()
    assert asked[0] == b"GET /a?b=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_the_textbook_finds_the_200_best_where_it_looks_everywhere(known: Known) -> None:
    index = Index.of(known.release)
    assert index.vectors.nlist == int(np.sqrt(PEOPLE))
    short = 0
    for each in known.asked:
        row = known.release.rows_of([each.viewer])[0]
        found = index.search(each.viewer, known.seen.of(int(row)), TODAY)
        assert set(found.tolist()) <= set(known.allowed(each.viewer))
        assert len(found) == len(each.best)
        if len(found) < RETRIEVED:
            # Everybody was looked at.
            assert sorted(found.tolist()) == sorted(each.best.tolist())
            short += 1
    assert 0 < short < len(known.asked)


def test_decks_of_the_textbook_are_held_against_brute_force(known: Known) -> None:
    viewer = max(known.asked, key=lambda each: len(each.rows)).viewer
    allowed = known.allowed(viewer)
    banned = next(i for i in range(1, PEOPLE) if i not in allowed)

    def dealt(cards: list[int]) -> Dealt:
        return Dealt(viewer, cards, 1.0, {})

    decks = [
        dealt(allowed[:20]),
        dealt(allowed[:19]),
        dealt([*allowed[:19], banned]),
        dealt([*allowed[:19], allowed[0]]),
    ]
    checked = check_dealt(known.world, decks, 20)
    assert (checked.checked, checked.violations, checked.short) == (4, 2, 1)
