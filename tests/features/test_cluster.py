"""Reader and writers on three nodes: what they do on one Redis, also while slots move."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import cast

import numpy as np
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionFailure
from redis.exceptions import MovedError, ResponseError
from redis.exceptions import TimeoutError as TimeoutFailure

from features import online, reader
from features.cluster import Access, Cluster
from features.compare_and_set import Write, compare_and_set
from features.forget import erased, forget
from features.keyed import Store
from features.matrix import read_matrix
from features.signature import Signature
from features.slots import slots_of
from features.swipe_store import read_states
from features.view_writer import drop_view, write_view
from features.views import BEHAVIOUR, PROFILE, View, factors
from tests.features.clusters import Node, running_cluster
from tests.features.test_matrix import VIEWS, D, write

FACTORS = factors("7")
PEOPLE = [*range(260), *range(90, 110), 999]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture
async def cluster(nodes: Sequence[Node]) -> AsyncIterator[Cluster]:
    for node in nodes:
        node.client.flushall()
    # One of them is enough to find all.
    cluster = Cluster.from_url(f"redis+cluster://127.0.0.1:1,127.0.0.1:{nodes[1].port}")
    yield cluster
    await cluster.aclose()


def test_slots_are_those_of_the_server(nodes: Sequence[Node]) -> None:
    rng = np.random.default_rng(0)
    # The last ones look like a hash tag: `{` … `}` among the bytes of the id.
    tagged = [0x7D007B, 0x7D7B, 0x7D7B7B, 0x7D007B7D, 0x7B, 0x7D, 0x7D00000000007B]
    keys = online.entity_keys([*rng.integers(0, 2**62, 300), *range(20), *tagged])
    wanted = [nodes[0].command("CLUSTER", "KEYSLOT", key) for key in keys]
    assert slots_of(keys).tolist() == wanted
    assert slots_of([b"{a}b"]).tolist() == slots_of([b"a"]).tolist()
    assert slots_of(keys[:1]).tolist() == wanted[:1]
    assert slots_of([]).tolist() == []


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_what_is_written_is_read_as_from_one_redis(
    redis: Redis, cluster: Cluster, nodes: Sequence[Node], view: View
) -> None:
    await _write_both(redis, cluster, view)
    held = [node.command("DBSIZE") for node in nodes]
    assert all(isinstance(n, int) and 40 < n < 100 for n in held)
    for people in ([], [3], [5, 1, 999, 2, 5], PEOPLE):
        await _assert_the_same(redis, cluster, view, people)


async def test_a_key_that_has_moved_is_followed(
    redis: Redis, cluster: Cluster, nodes: Sequence[Node]
) -> None:
    await _write_both(redis, cluster, FACTORS)
    person = 150
    move = Move.of(nodes, person)
    move.begin()
    # The node that is about to lose the slot does not have the key any more: ASK.
    await _assert_the_same(redis, cluster, FACTORS, PEOPLE)
    await _assert_the_same(redis, cluster, FACTORS, [person])
    for store in (redis, cluster):
        await write_view(store, FACTORS, [person], [np.ones((1, D)), [0.25], [0.75]], 10**12)
    await _assert_the_same(redis, cluster, FACTORS, [person, 3])
    move.end(nodes)
    # The client's map is out of date: MOVED.
    await _assert_the_same(redis, cluster, FACTORS, PEOPLE)
    await forget(cluster, [person])
    assert (await erased(cluster, np.array([person, 3]))).tolist() == [True, False]


async def test_somebody_is_forgotten_while_their_slot_moves(
    cluster: Cluster, nodes: Sequence[Node]
) -> None:
    await write(cluster, FACTORS)
    move = Move.of(nodes, 42)
    move.begin()
    await forget(cluster, [41, 42, 43])
    move.end(nodes)
    assert (await erased(cluster, np.arange(40, 45))).tolist() == [False, True, True, True, False]


async def test_states_are_compared_and_set_on_every_node(
    cluster: Cluster, nodes: Sequence[Node]
) -> None:
    keys = online.entity_keys(range(50))
    first = [Write(key, b"", {b"a": b"1"}) for key in keys]
    # Some nodes know the script and write, others have to be told it first.
    nodes[1].command("SCRIPT", "FLUSH")
    assert await compare_and_set(cluster, first[:1]) == [True]
    nodes[2].command("SCRIPT", "FLUSH")
    assert await compare_and_set(cluster, first) == [False] + [True] * 49
    assert [state.person for state in await read_states(cluster, [3, 4])] == [3, 4]


async def test_a_view_is_dropped_from_every_node(cluster: Cluster) -> None:
    for view in (FACTORS, BEHAVIOUR):
        await write(cluster, view)
    await drop_view(cluster, FACTORS, range(1, 201))
    found = await reader.read(cluster, [FACTORS, BEHAVIOUR], [1, 150])
    assert found["factors_7"].event_ms.tolist() == [-1, -1]
    assert (found["behaviour"].event_ms > 0).all()


@pytest.mark.parametrize("people", [[7], list(range(1, 100))], ids=["few", "many"])
async def test_an_error_is_raised(
    cluster: Cluster, nodes: Sequence[Node], people: Sequence[int]
) -> None:
    key = online.entity_keys([7])[0]
    Move.of(nodes, 7).source.command("SET", key, "text")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await read_matrix(cluster, Signature.of_views([PROFILE]), people)


async def test_a_cluster_that_is_away_is_a_connection_error() -> None:
    cluster = Cluster([("127.0.0.1", 1)], Access(timeout_s=1))
    with pytest.raises(ConnectionFailure):
        await read_matrix(cluster, Signature.of_views([PROFILE]), [7])
    await cluster.aclose()


async def test_a_node_that_hangs_is_waited_for_once(nodes: Sequence[Node]) -> None:
    for node in nodes:
        node.client.flushall()
    cluster = Cluster([("127.0.0.1", node.port) for node in nodes], Access(timeout_s=1))
    await write(cluster, FACTORS)
    signature = Signature.of_views([FACTORS], {"taste": D})
    hung = Move.of(nodes, 7).source
    other = next(p for p in range(1, 200) if Move.of(nodes, p).source is not hung)
    pid = int(cast("dict[str, int]", hung.client.info("server"))["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutFailure):
            await read_matrix(cluster, signature, [7])
        # Each of them would wait for a second, and for the map another one.
        async with asyncio.timeout(20):
            for _ in range(50):
                with pytest.raises(ConnectionFailure):
                    await read_matrix(cluster, signature, [7])
        assert (await read_matrix(cluster, signature, [other])).present.any()
    finally:
        os.kill(pid, signal.SIGCONT)
    async with asyncio.timeout(20):
        while True:
            with suppress(ConnectionFailure, TimeoutFailure):
                assert (await read_matrix(cluster, signature, [7])).present.any()
                break
            await asyncio.sleep(0.05)
    await cluster.aclose()


def test_another_url_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://"):
        Cluster.from_url("redis://127.0.0.1:6379")


class Move:
    """The slot of a person on its way from one node to the next."""

    def __init__(self, source: Node, target: Node, key: bytes) -> None:
        self.source, self.target, self.key = source, target, key
        self.slot = int(slots_of([key])[0])

    @classmethod
    def of(cls, nodes: Sequence[Node], person: int) -> "Move":
        key = online.entity_keys([person])[0]
        (at,) = [n for n, node in enumerate(nodes) if _holds(node, key)]
        return cls(nodes[at], nodes[(at + 1) % len(nodes)], key)

    def begin(self) -> None:
        """The slot is about to move, the person's key has."""
        self.target.command("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.source.name)
        self.source.command("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.target.name)
        self.source.command("MIGRATE", "127.0.0.1", self.target.port, self.key, 0, 5000)

    def end(self, nodes: Sequence[Node]) -> None:
        """The slot has moved, and everybody knows."""
        for node in (self.target, self.source, *nodes):
            node.command("CLUSTER", "SETSLOT", self.slot, "NODE", self.target.name)


async def _write_both(redis: Redis, cluster: Cluster, view: View) -> None:
    for store in (redis, cluster):
        await write(store, view)


async def _assert_the_same(
    redis: Redis, cluster: Cluster, view: View, people: Sequence[int]
) -> None:
    signature = Signature.of_views([view], {"taste": D})
    one, many = [await read_matrix(store, signature, people) for store in (redis, cluster)]
    np.testing.assert_array_equal(many.values, one.values)
    assert many.present.tolist() == one.present.tolist()
    for name, texts in one.texts.items():
        assert many.texts[name].tolist() == texts.tolist()
    stores: tuple[Store, Store] = (redis, cluster)
    rows = [(await reader.read(s, [view], people, 0, {"taste": D}))[view.name] for s in stores]
    assert rows[0].event_ms.tolist() == rows[1].event_ms.tolist()


def _holds(node: Node, key: bytes) -> bool:
    try:
        node.client.exists(key)
    except MovedError:
        return False
    return True
