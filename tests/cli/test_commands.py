"""Every command helps, is in the README, and says in words what it cannot work without."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner, Result

from cli.main import app
from gravity.issuer import new_keys
from tests.cli.worlds import PROFILES_HEAD

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


# These start a stack, or work for minutes without one.
STARTERS = (
    {("up",), ("demo",), ("chaos", "swipes"), ("sandbox",), ("simulate",), ("photos", "draw")}
    | {
        ("bench", what)
        for what in (
            "deck",
            "features",
            "freshness",
            "prices",
            "retrieval",
            "scale",
            "swap",
            "swipes",
        )
    }
    | {
        ("evaluate", what)
        for what in (
            "calibration",
            "coldstart",
            "factors",
            "market",
            "photos",
            "ranker",
            "reciprocal",
            "simulation",
        )
    }
)
# What a command needs to be said, beside its name.
LEAST = {
    ("billing", "entitle"): ("7", "--tier", "plus"),
    ("deadletters", "replay"): ("--all",),
    ("erase",): ("7", "--yes"),
    ("export",): ("--person", "7"),
    ("import", "profiles"): ("people.csv",),
    ("import", "ratings"): ("ratings.csv",),
    ("import", "swipes"): ("swipes.csv",),
    ("release", "promote"): ("1",),
    ("run", "api"): ("--port", "1"),
    ("run", "consumers"): ("--port", "1"),
    ("run", "playground"): ("--port", "1"),
    ("safety", "ban"): ("7", "--reason", "spam"),
    ("safety", "lift"): ("7", "--reason", "spam"),
    ("safety", "shadow-ban"): ("7", "--reason", "spam"),
    ("token",): ("--viewer", "7"),
}
# (exit code, what is said) where nothing was ever started; everything else needs settings.
WITHOUT_A_STACK = {
    ("down",): (0, "down"),
    ("import", "profiles"): (2, "GRAVITY_POSTGRES_URL"),
    ("import", "ratings"): (2, "GRAVITY_POSTGRES_URL"),
    ("import", "swipes"): (2, "GRAVITY_POSTGRES_URL"),
    ("logs",): (1, "no logs yet"),
    ("status",): (1, "down"),
    ("token",): (1, "gravity up"),
}
NEEDS_SETTINGS = (1, "GRAVITY_POSTGRES_URL")
# Who needs Postgres before anything else, and how it exits without.
NEEDS_POSTGRES = {
    ("billing", "entitle"): 1,
    ("check",): 1,
    ("deadletters", "list"): 1,
    ("deadletters", "replay"): 1,
    ("erase",): 1,
    ("export",): 1,
    ("import", "profiles"): 2,
    ("import", "ratings"): 2,
    ("import", "swipes"): 2,
    ("rebuild",): 1,
    ("release", "promote"): 1,
    ("release", "rollback"): 1,
    ("safety", "ban"): 1,
    ("safety", "lift"): 1,
    ("safety", "shadow-ban"): 1,
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be called in, and no setting but where the stack's own would be."""
    for name in [name for name in os.environ if name.startswith("GRAVITY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GRAVITY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def away(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Settings of servers none of which listens; the host and port of all of them."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("GRAVITY_POSTGRES_URL", f"postgresql://gravity@{at}/gravity")
    monkeypatch.setenv("GRAVITY_REDIS_URL", f"redis://{at}/0")
    monkeypatch.setenv("GRAVITY_BUS_URL", f"tansu://{at}")
    monkeypatch.setenv("GRAVITY_MLFLOW_URL", f"http://{at}")
    monkeypatch.setenv("GRAVITY_CARD_TOKEN_KEY", "k" * 32)
    monkeypatch.setenv("GRAVITY_JWT_PUBLIC_KEY", new_keys().public)
    return at


def _ended(path: tuple[str, ...]) -> Result:
    """Run the command; an exception that nobody caught is shown as the shell would show it."""
    done = CliRunner().invoke(app, [*path, *LEAST.get(path, ())])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.mark.parametrize("path", [path for path in COMMANDS if path not in STARTERS], ids=" ".join)
def test_without_a_stack_a_command_says_so_and_makes_nothing(
    path: tuple[str, ...], home: Path
) -> None:
    done = _ended(path)
    code, said = WITHOUT_A_STACK.get(path, NEEDS_SETTINGS)
    assert done.exit_code == code
    assert said in done.output
    assert list(home.parent.iterdir()) == []


@pytest.mark.parametrize("path", NEEDS_POSTGRES, ids=" ".join)
def test_a_store_that_is_away_is_named(path: tuple[str, ...], away: str) -> None:
    Path("people.csv").write_text(PROFILES_HEAD)
    done = _ended(path)
    assert done.exit_code == NEEDS_POSTGRES[path]
    assert "the stores do not answer" in done.output
    assert away.rpartition(":")[2] in done.output


def test_a_registry_that_is_away_is_named(away: str) -> None:
    done = _ended(("release", "list"))
    assert done.exit_code == 1
    assert away in done.output


def test_an_import_without_redis_says_so(
    away: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAVITY_POSTGRES_URL", database_url)
    ana = "7,Ana,1990-05-01,woman,man,25,45,50,37.7,-122.4"
    Path("people.csv").write_text(f"{PROFILES_HEAD}\n{ana}\n")
    done = _ended(("import", "profiles"))
    assert done.exit_code == 2
    assert "the stores do not answer" in done.output
