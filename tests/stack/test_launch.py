"""The launcher alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

from gravity.stack.launch import Spec


def _launch(
    folder: Path, command: list[str], prepare: list[str]
) -> subprocess.CompletedProcess[str]:
    spec: Spec = {
        "name": "a",
        "command": command,
        "become": [],
        "prepare": prepare,
        "environment": {"GREETING": "hello"},
        "directory": str(folder),
        "check": ("alive", ""),
        "after": {"before": ("file", str(folder))},
        "started_file": str(folder / "a.started"),
        "nice": 0,
        "order": 0,
        "url": "",
        "litter": [],
    }
    (folder / "a.json").write_text(json.dumps(spec))
    return subprocess.run(
        [sys.executable, "-P", "-S", "-m", "gravity.stack.launch", str(folder / "a.json")],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_becomes_the_program_in_its_folder_and_environment(tmp_path: Path) -> None:
    script = 'echo "$GREETING" "$PYTHONPATH" "$(pwd)"; exit 7'
    done = _launch(tmp_path, ["/bin/sh", "-c", script], [])
    assert done.stdout.splitlines()[-1].split() == ["hello", str(tmp_path)]
    assert done.returncode == 7


def test_a_failed_preparation_ends_it_with_a_reason(tmp_path: Path) -> None:
    prepare = ["/bin/sh", "-c", "echo disk is full; exit 4"]
    done = _launch(tmp_path, ["/bin/sh", "-c", "echo never"], prepare)
    assert done.returncode == 4
    assert "disk is full" in done.stdout
    assert "preparation failed with code 4" in done.stdout
    assert "never" not in done.stdout


def test_a_command_that_cannot_run_is_named(tmp_path: Path) -> None:
    done = _launch(tmp_path, ["/nowhere/server"], [])
    assert done.returncode == 127
    assert "cannot start /nowhere/server: No such file or directory" in done.stdout
