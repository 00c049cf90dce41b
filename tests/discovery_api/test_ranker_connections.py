"""Kept connections to the ranker: an answer goes to whoever asked, or to nobody."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import uvloop

from discovery_api.ranker_connections import ConnectionLost, RankerConnections

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@dataclass
class Server:
    """Answers each request with the next of `answers`; of b"" it closes the connection."""

    answers: list[bytes] = field(default_factory=list)
    port: int = 0
    opened: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.opened += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(size))
                await self.hold.wait()
                answer = self.answers.pop(0)
                if not answer:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    made.hold.set()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


@pytest.fixture
async def connections(server: Server) -> AsyncIterator[RankerConnections]:
    made = RankerConnections(f"http://127.0.0.1:{server.port}/ranker/")
    yield made
    made.close()


async def asked(connections: RankerConnections, body: bytes = b"{}") -> tuple[int, bytes]:
    async with asyncio.timeout(10):
        return await connections.post("/rank", body, {"traceparent": "00-a-b-01"})


async def test_one_connection_serves_one_after_the_other(
    server: Server, connections: RankerConnections
) -> None:
    server.answers = [ANSWER + b"ab", ANSWER + b"cd"]
    assert await asked(connections, b"[1]") == (200, b"ab")
    assert await asked(connections, b"[22]") == (200, b"cd")
    assert (server.opened, server.bodies) == (1, [b"[1]", b"[22]"])
    assert server.heads[0].startswith(b"POST /ranker/rank HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"traceparent: 00-a-b-01\r\n" in server.heads[0]


async def test_requests_at_once_have_connections_of_their_own(
    server: Server, connections: RankerConnections
) -> None:
    server.answers = [ANSWER + b"ab", ANSWER + b"cd", ANSWER + b"ef"]
    server.hold.clear()
    both = asyncio.gather(asked(connections), asked(connections))
    while len(server.bodies) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    server.hold.set()
    assert {body for _, body in await both} == {b"ab", b"cd"}
    assert await asked(connections) == (200, b"ef")
    assert server.opened == 2


async def test_a_kept_connection_that_is_closed_as_it_is_used_is_replaced(
    server: Server, connections: RankerConnections
) -> None:
    server.answers = [ANSWER + b"ab", b"", ANSWER + b"cd"]
    await asked(connections)
    assert await asked(connections) == (200, b"cd")
    assert server.opened == 2


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"no http\r\n\r\n"]
)
async def test_a_new_connection_that_gives_no_answer_is_lost(
    server: Server, connections: RankerConnections, answer: bytes
) -> None:
    server.answers = [answer, b""]
    request = asyncio.create_task(connections.post("/rank", b"{}", {}))
    if answer.startswith(b"HTTP"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await request
    else:
        with pytest.raises(ConnectionLost):
            async with asyncio.timeout(10):
                await request


async def test_whoever_gives_up_leaves_no_answer_for_the_next(
    server: Server, connections: RankerConnections
) -> None:
    server.answers = [ANSWER + b"ab", ANSWER + b"cd"]
    server.hold.clear()
    first = asyncio.create_task(asked(connections))
    while not server.bodies:  # noqa: ASYNC110
        await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    server.hold.set()
    assert await asked(connections) == (200, b"cd")
    assert server.opened == 2


async def test_an_answer_in_pieces_is_one_and_close_means_close(
    server: Server, connections: RankerConnections
) -> None:
    pieces = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    server.answers = [pieces + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", ANSWER + b"cd"]
    assert await asked(connections) == (503, b"abc")
    assert await asked(connections) == (200, b"cd")
    assert server.opened == 2


async def test_what_nobody_asked_for_ends_the_connection(
    server: Server, connections: RankerConnections
) -> None:
    server.answers = [ANSWER + b"ab" + ANSWER + b"zz", ANSWER + b"cd"]
    assert await asked(connections) == (200, b"ab")
    assert await asked(connections) == (200, b"cd")
    assert server.opened == 2


async def test_nobody_there_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError):
        await RankerConnections("http://127.0.0.1:1").post("/rank", b"", {})


def test_the_loop_of_the_processes_will_do() -> None:
    async def both() -> list[tuple[int, bytes]]:
        server = Server([ANSWER + b"ab", ANSWER + b"cd"])
        server.hold.set()
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            connections = RankerConnections(f"http://127.0.0.1:{port}")
            answers = [await asked(connections), await asked(connections)]
            assert server.opened == 1
            connections.close()
            return answers

    assert uvloop.run(both()) == [(200, b"ab"), (200, b"cd")]
