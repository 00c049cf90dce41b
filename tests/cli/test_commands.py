"""Every command helps, and the README knows it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from cli.main import app

README = (Path(__file__).parents[2] / "README.md").read_text()


def _paths(group: TyperGroup, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _paths(command, (*path, name))
        else:
            yield (*path, name)


def _commands() -> tuple[tuple[str, ...], ...]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return tuple(_paths(group, ()))


COMMANDS = _commands()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_helps(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    assert "Usage: " in shown.output


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_readme_has_a_row_with_the_command(path: tuple[str, ...]) -> None:
    rows = [line for line in README.splitlines() if line.startswith("| `gravity ")]
    assert any(set(path) <= set(re.findall(r"[a-z-]+", row.split("|")[1])) for row in rows)
