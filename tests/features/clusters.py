"""A Redis Cluster of three real nodes, without replicas."""

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as ConnectionFailure

from gravity.stack import ports, wheels

_RANGES = ((0, 5_460), (5_461, 10_922), (10_923, 16_383))


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its ports for clients and for nodes, its name, and a client of it alone."""

    port: int
    bus_port: int
    name: str
    client: Redis

    def command(self, *words: str | int | bytes) -> object:
        """Run one command on this node."""
        answer: object = self.client.execute_command(*words)  # type: ignore[no-untyped-call]
        return answer


@contextmanager
def running_cluster(folder: Path) -> Iterator[list[Node]]:
    """Start three nodes that share the slots evenly; end them on exit."""
    taken: set[int] = set()
    with ExitStack() as stack:
        nodes = [stack.enter_context(_node(folder / str(n), taken)) for n in range(len(_RANGES))]
        for node, (first, last) in zip(nodes, _RANGES, strict=True):
            node.command("CLUSTER", "ADDSLOTSRANGE", first, last)
            # Epochs that differ settle who is right without a vote.
            node.command("CLUSTER", "SET-CONFIG-EPOCH", nodes.index(node) + 1)
        for node in nodes[1:]:
            node.command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].bus_port)
        for node in nodes:
            _until(lambda node=node: _agrees(node))  # type: ignore[misc]
        yield nodes


@contextmanager
def _node(folder: Path, taken: set[int]) -> Iterator[Node]:
    folder.mkdir(parents=True)
    port, bus = (_free(taken) for _ in range(2))
    command = (
        wheels.valkey(),
        *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""),
        *("--cluster-enabled", "yes", "--cluster-port", str(bus)),
    )
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        client = Redis(port=port)
        try:
            _until(lambda: _answers(client))
            name: bytes = client.execute_command("CLUSTER", "MYID")  # type: ignore[no-untyped-call]
            yield Node(port, bus, name.decode(), client)
        finally:
            client.close()
            process.kill()


def _free(taken: set[int]) -> int:
    port = ports.any_free(taken, random.SystemRandom())
    taken.add(port)
    return port


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except ConnectionFailure:
        return False


def _agrees(node: Node) -> bool:
    """Whether it knows of every slot."""
    told = node.client.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
    info = (
        told if isinstance(told, dict) else dict(line.split(":") for line in told.decode().split())
    )
    return bool(info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == len(_RANGES))


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)
