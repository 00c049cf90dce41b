"""What a supervised program is, as plain data."""

from dataclasses import dataclass, field
from typing import Literal

# How a server is asked whether it can work yet; each is one function in `probe.py`.
ProbeKind = Literal["http", "postgres", "redis", "kafka", "s3", "alive", "file"]


@dataclass(frozen=True, slots=True)
class Check:
    """A readiness question: `kind` says how to ask, `target` whom (a URL, host:port or path)."""

    kind: ProbeKind
    target: str


@dataclass(frozen=True, slots=True)
class Program:
    """One long-running program of the stack.

    name: unique; also the name of its log.
    command: argument vector; the first is an absolute path.
    check: answers when the program can serve others.
    environment: added to the launcher's environment; may hold secrets.
    after: names of programs that must be ready before this one starts.
    directory: working directory; made if absent (owned by `run_as` if given).
    prepare: a command that must succeed before each start, as the same user.
    run_as: user to become when the stack is started by root; ignored otherwise.
    stop_signal: what ends it; all of its process group where `stop_group`.
    stop_seconds: how long it may take to end before it is killed.
    nice: how far it gives way to the others on a busy machine (0 to 19).
    litter: files that it leaves outside its directory; removed when the stack ends.
    url: where it is reached, for people to read.
    """

    name: str
    command: tuple[str, ...]
    check: Check
    directory: str
    environment: dict[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    run_as: str | None = None
    stop_signal: Literal["TERM", "INT", "KILL"] = "TERM"
    stop_group: bool = True
    stop_seconds: int = 10
    nice: int = 0
    litter: tuple[str, ...] = ()
    url: str = ""
