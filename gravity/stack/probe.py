"""Readiness probes over plain sockets. Standard library only: the launcher runs without packages.

Each probe answers True once the server can really work, which is later than an open port:
PostgreSQL and Redis accept connections while they still recover.
"""

import contextlib
import http.client
import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from gravity.stack.program import Check, ProbeKind
from gravity.stack.s3_request import can_write

TIMEOUT = 2.0
INTERVAL = 0.05


def _exchange(target: str, request: bytes, size: int) -> bytes:
    host, _, port = target.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT) as connection:
        connection.sendall(request)
        return connection.recv(size)


def _postgres(target: str) -> bool:
    # A start-up packet (protocol 3.0): 'R' asks for a password, so the server is open for work;
    # 'E' is "the database system is starting up".
    body = struct.pack("!i", 196608) + b"user\0probe\0database\0postgres\0\0"
    return _exchange(target, struct.pack("!i", len(body) + 4) + body, 1) == b"R"


def _redis(target: str) -> bool:
    return _exchange(target, b"PING\r\n", 5) == b"+PONG"


def _kafka(target: str) -> bool:
    # ApiVersions v0, correlation id 1, client id "probe".
    body = struct.pack("!hhi", 18, 0, 1) + struct.pack("!h", 5) + b"probe"
    answer = _exchange(target, struct.pack("!i", len(body)) + body, 10)
    return len(answer) == 10 and answer[4:8] == b"\0\0\0\1" and answer[8:] == b"\0\0"


def _http(target: str) -> bool:
    url = urlsplit(target)
    secure = url.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connect(url.hostname or "", url.port, timeout=TIMEOUT)
    with contextlib.closing(connection):
        path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        connection.request("GET", path)
        return connection.getresponse().status < 400


def _alive(target: str) -> bool:
    # A program without a socket is ready while its process lives; its log says the rest.
    return not target or _pid_exists(int(target))


def _pid_exists(pid: int) -> bool:
    os.kill(pid, 0)
    return True


def _file(target: str) -> bool:
    return Path(target).exists()


PROBES: dict[ProbeKind, Callable[[str], bool]] = {
    "http": _http,
    "postgres": _postgres,
    "redis": _redis,
    "kafka": _kafka,
    "s3": can_write,
    "alive": _alive,
    "file": _file,
}


def is_ready(check: Check) -> bool:
    """Ask once; a refused, reset or late connection is a plain no."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return PROBES[check.kind](check.target)
    return False


def wait_until_ready(check: Check, give_up: Callable[[], bool]) -> bool:
    """Ask until the answer is yes (True) or `give_up()` says to stop (False)."""
    while not is_ready(check):
        if give_up():
            return False
        time.sleep(INTERVAL)
    return True
