"""Starts one program of the stack: `python -P -S -m gravity.stack.launch SPEC`.

Supervisor has neither order nor readiness. So each program starts through this: wait until the
programs before it answer, prepare, then become the program (`exec`, so that supervisor's pid is
the program's own). A small watcher is left behind that writes down when the program was ready.
Standard library only, without site packages: it takes 30 ms.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TypedDict

from gravity.stack.probe import wait_until_ready
from gravity.stack.program import Check, ProbeKind


class Spec(TypedDict):
    """A program as the launcher reads it (JSON, written by `supervision.py`)."""

    name: str
    command: list[str]
    become: list[str]
    prepare: list[str]
    environment: dict[str, str]
    directory: str
    check: tuple[ProbeKind, str]
    after: dict[str, tuple[ProbeKind, str]]
    started_file: str
    nice: int
    order: int
    url: str
    litter: list[str]


def _say(text: str) -> None:
    sys.stdout.write(f"[launch] {text}\n")
    sys.stdout.flush()


def _wait_for_dependencies(spec: Spec) -> None:
    # Without a limit: supervisor keeps trying anyway, and `status` shows what is awaited.
    for name, (kind, target) in spec["after"].items():
        before = time.monotonic()
        wait_until_ready(Check(kind, target), lambda: False)
        _say(f"{name} is ready, waited {time.monotonic() - before:.2f} s")


def _prepare(spec: Spec, environment: dict[str, str]) -> None:
    if spec["prepare"]:
        code = subprocess.call([*spec["become"], *spec["prepare"]], env=environment)
        if code:
            _say(f"preparation failed with code {code}: {spec['prepare'][0]}")
            sys.exit(code)


def _write_started(spec: Spec, pid: int, launched_at: float, ready_at: float) -> None:
    started = Path(spec["started_file"])
    partial = started.with_suffix(f".{pid}")
    partial.write_text(
        json.dumps({"pid": pid, "launched_at": launched_at, "ready_at": ready_at}),
        encoding="ascii",
    )
    partial.replace(started)


def _watch(spec: Spec, pid: int, launched_at: float) -> None:
    """Run in a process of its own: note when program `pid` has become ready, or end with it."""
    kind, target = spec["check"]
    check = Check(kind, target or str(pid))

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except OSError:
            return True
        return False

    if wait_until_ready(check, gone) and not gone():
        _write_started(spec, pid, launched_at, time.time())


def _leave_watcher(spec: Spec) -> None:
    pid, launched_at = os.getpid(), time.time()
    child = os.fork()
    if child:
        # The watcher is a grandchild, so that the program never has a child it does not know.
        os.waitpid(child, 0)
        return
    if os.fork() == 0:
        _watch(spec, pid, launched_at)
    os._exit(0)


def main(spec_file: Path) -> None:
    """Become the program of `spec_file`; returns only by exec or exit."""
    spec: Spec = json.loads(spec_file.read_text(encoding="utf-8"))
    Path(spec["started_file"]).unlink(missing_ok=True)
    os.chdir(spec["directory"])
    environment = {**os.environ, **spec["environment"]}
    environment.pop("PYTHONPATH", None)
    _wait_for_dependencies(spec)
    os.nice(spec["nice"])
    _prepare(spec, environment)
    _leave_watcher(spec)
    command = [*spec["become"], *spec["command"]]
    try:
        os.execve(command[0], command, environment)  # noqa: S606
    except OSError as error:
        _say(f"cannot start {command[0]}: {error.strerror}")
        sys.exit(127)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
