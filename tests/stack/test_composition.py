"""Which programs a local Gravity consists of."""

from pathlib import Path

import pytest

from cli import programs
from gravity.stack import keys
from gravity.stack.home import Home
from gravity.stack.place import Place

CLUSTER = {
    "GRAVITY_POSTGRES_URL": "postgresql://cluster/gravity",
    "GRAVITY_BUS_URL": "kafka://one:9092,two:9092",
    "GRAVITY_S3_URL": "https://s3.example",
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    home = Home.at(tmp_path)
    ports = {name: 20_000 + number for number, name in enumerate(programs.PORTS)}
    return Place(home, ports, keys.load_or_create(home.keys))


def test_every_server_runs_here_by_default(place: Place) -> None:
    names = [program.name for program in programs.plan(place, {})]
    assert names == [*programs.STORES, *programs.LEARNING, *programs.SERVING, "flows"]


def test_servers_that_the_environment_replaces_do_not_run_here(place: Place) -> None:
    names = {program.name for program in programs.plan(place, CLUSTER)}
    assert names.isdisjoint({"postgres", "s3", "broker"})
    assert {"redis", "mlflow", "prefect"} <= names


def test_settings_name_the_replaced_servers(place: Place) -> None:
    settings = programs.settings(place, CLUSTER)
    assert CLUSTER.items() <= settings.items()
    assert "GRAVITY_BUS_BUCKET" not in settings
    assert settings["GRAVITY_REDIS_URL"] == f"redis://{place.address('redis')}/0"


def test_no_program_shows_a_secret_in_its_command(place: Place) -> None:
    secrets = {place.keys.postgres_password, place.keys.s3_secret_key, place.keys.card_token_key}
    for program in programs.plan(place, {}):
        line = " ".join((*program.command, *program.prepare))
        assert not any(secret in line for secret in secrets), program.name
