"""Supervisor's configuration and its control, for the programs of one stack."""

import configparser
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import cast
from xmlrpc.client import Fault, ProtocolError, ServerProxy

import psutil

from gravity.stack import wheels
from gravity.stack.failures import StackError
from gravity.stack.home import Home
from gravity.stack.launch import Spec
from gravity.stack.orphans import MARK
from gravity.stack.program import Program
from gravity.stack.unprivileged import become

USER = "gravity"
ROOT = Path(__file__).resolve().parents[2]


class SupervisorFailed(StackError):
    """The supervisor did not start; the message says why and where its log is."""


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """Supervisor's view of a program; pid is 0 and started_at 0 while there is no process."""

    name: str
    state: str
    pid: int
    started_at: int
    exit_code: int


def _spec(home: Home, program: Program, order: int, programs: dict[str, Program]) -> Spec:
    paths = (program.command[0], program.directory)
    return {
        "name": program.name,
        "command": list(program.command),
        "become": list(become(program.run_as, paths)),
        "prepare": list(program.prepare),
        "environment": program.environment,
        "directory": program.directory,
        "check": (program.check.kind, program.check.target),
        "after": {
            name: (programs[name].check.kind, programs[name].check.target)
            for name in program.after
            if name in programs
        },
        "started_file": str(home.started / f"{program.name}.json"),
        "nice": program.nice,
        "order": order,
        "litter": list(program.litter),
        "url": program.url,
    }


def _section(home: Home, program: Program, order: int, spec_file: Path) -> dict[str, str]:
    launcher = [sys.executable, "-P", "-S", "-m", "gravity.stack.launch", str(spec_file)]
    digest = hashlib.sha256(spec_file.read_bytes()).hexdigest()
    return {
        "command": " ".join(f'"{part}"' for part in launcher),
        # A changed program is a changed section to supervisor.
        "environment": f'GRAVITY_SPEC="{digest}",PYTHONPATH="{ROOT}"',
        "stdout_logfile": str(home.log(program.name)),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "3",
        "redirect_stderr": "true",
        "priority": str(order),
        "autorestart": "true",
        "startsecs": "1",
        "startretries": "30",
        "stopsignal": program.stop_signal,
        "stopasgroup": str(program.stop_group).lower(),
        "killasgroup": "true",
        "stopwaitsecs": str(program.stop_seconds),
    }


def _base(home: Home, port: int, password: str) -> dict[str, dict[str, str]]:
    return {
        "supervisord": {
            "pidfile": str(home.specs / "supervisord.pid"),
            "logfile": str(home.log("supervisord")),
            "logfile_maxbytes": "10MB",
            "logfile_backups": "2",
            "childlogdir": str(home.logs),
            "directory": str(home.specs),
            **({"user": "root"} if os.geteuid() == 0 else {}),
        },
        "inet_http_server": {
            "port": f"127.0.0.1:{port}",
            "username": USER,
            "password": password,
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
    }


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _literal(key: str, value: str) -> str:
    # Supervisor expands percent signs, which a path may hold; in these two values it does so twice.
    percent = "%%%%" if key in ("environment", "stdout_logfile") else "%%"
    return value.replace("%", percent)


def _write_config(path: Path, sections: dict[str, dict[str, str]]) -> None:
    config = configparser.RawConfigParser()
    for name, section in sections.items():
        config[name] = {key: _literal(key, value) for key, value in section.items()}
    _write_private(path, "")
    with path.open("w", encoding="utf-8") as file:
        config.write(file)


class Supervision:
    """Control of the supervisor of one stack. Calls raise OSError when it does not run."""

    def __init__(self, home: Home, port: int, password: str) -> None:
        self._home = home
        self._port = port
        self._password = password
        self._config = home.specs / "supervisord.conf"
        self._rpc = ServerProxy(f"http://{USER}:{password}@127.0.0.1:{port}/RPC2")

    def configure(self, programs: Sequence[Program]) -> None:
        """Write supervisor's configuration and the launcher's specs (mode 0600)."""
        by_name = {program.name: program for program in programs}
        sections = _base(self._home, self._port, self._password)
        for order, program in enumerate(programs):
            spec_file = self._home.specs / f"{program.name}.json"
            spec = _spec(self._home, program, order, by_name)
            _write_private(spec_file, json.dumps(spec, indent=1))
            sections[f"program:{program.name}"] = _section(self._home, program, order, spec_file)
        _write_config(self._config, sections)

    def stop_waves(self) -> list[list[str]]:
        """Return the programs in waves to stop: each wave is used by none of the later ones."""
        specs = [self._read_spec(process.name) for process in self.processes()]
        after = {spec["name"]: set(spec["after"]) for spec in specs}
        waves: list[list[str]] = []
        while after:
            used = set().union(*after.values())
            wave = [name for name in after if name not in used] or list(after)
            waves.append(wave)
            after = {name: needs for name, needs in after.items() if name not in wave}
        return waves

    def litter(self) -> list[Path]:
        """Return the files that the programs leave outside their directories."""
        specs = [self._read_spec(process.name) for process in self.processes()]
        return [Path(path) for spec in specs for path in spec["litter"]]

    def url(self, name: str) -> str:
        """Where a program is reached."""
        return self._read_spec(name)["url"]

    def _read_spec(self, name: str) -> Spec:
        spec: Spec = json.loads((self._home.specs / f"{name}.json").read_text(encoding="utf-8"))
        return spec

    def alive(self) -> bool:
        """Tell whether this stack's supervisor answers."""
        try:
            self._rpc.supervisor.getPID()
        except (OSError, ProtocolError, Fault, HTTPException):
            return False
        return True

    def launch(self) -> None:
        """Start the supervisor, which starts every program. Raises SupervisorFailed."""
        done = subprocess.run(
            [wheels.script("supervisord", "supervisor"), "-c", str(self._config)],
            env={**os.environ, MARK: str(self._home.path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SupervisorFailed(
                f"supervisor did not start: {(done.stderr or done.stdout).strip()}"
            )

    def update(self) -> None:
        """Apply a changed configuration: only changed, new and vanished programs are touched."""
        ((added, changed, removed),) = cast(
            "list[tuple[list[str], list[str], list[str]]]", self._rpc.supervisor.reloadConfig()
        )
        for name in (*changed, *removed):
            self._rpc.supervisor.stopProcessGroup(name)
            self._rpc.supervisor.removeProcessGroup(name)
        for name in (*changed, *added):
            self._rpc.supervisor.addProcessGroup(name)
        for process in self.processes():
            if process.state in ("STOPPED", "FATAL", "EXITED"):
                self._rpc.supervisor.startProcess(process.name, False)

    def processes(self) -> list[ProcessInfo]:
        """Return what supervisor knows of each program, in the order of their start."""
        answer = cast("list[dict[str, str | int]]", self._rpc.supervisor.getAllProcessInfo())
        found = [
            ProcessInfo(
                name=str(entry["name"]),
                state=str(entry["statename"]),
                pid=int(entry["pid"]),
                started_at=int(entry["start"]),
                exit_code=int(entry["exitstatus"]),
            )
            for entry in answer
        ]
        return sorted(found, key=lambda process: self._read_spec(process.name)["order"])

    def stop(self, name: str) -> None:
        """Tell one program to stop, without waiting for it."""
        try:
            self._rpc.supervisor.stopProcess(name, False)
        except Fault as fault:
            # 70 is NOT_RUNNING, 10 BAD_NAME: it is as we want it.
            if fault.faultCode not in (70, 10):
                raise

    def restart(self, name: str) -> None:
        """Stop one program, wait for its end and start it again."""
        try:
            self._rpc.supervisor.stopProcess(name, True)
        except Fault as fault:
            if fault.faultCode != 70:
                raise
        self._rpc.supervisor.startProcess(name, False)

    def shutdown(self) -> psutil.Process:
        """Tell the supervisor to end, without waiting for it; returns its process."""
        process = psutil.Process(cast("int", self._rpc.supervisor.getPID()))
        self._rpc.supervisor.shutdown()
        return process
