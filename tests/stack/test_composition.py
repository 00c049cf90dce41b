"""Which programs a local Gravity consists of."""

from pathlib import Path

import pytest

from cli import programs
from gravity.stack import keys
from gravity.stack.home import Home
from gravity.stack.place import Place

CLUSTER = {
    "GRAVITY_POSTGRES_URL": "postgresql://cluster/gravity",
    "GRAVITY_REDIS_URL": "redis://cluster:6379/0",
    "GRAVITY_BUS_URL": "kafka://one:9092,two:9092",
    "GRAVITY_MLFLOW_URL": "https://mlflow.example",
    "GRAVITY_PREFECT_API_URL": "https://prefect.example/api",
    "GRAVITY_RANKER_URL": "https://ranker.example",
    "GRAVITY_LAKE_URL": "s3://bucket/lake",
}
# Which programs each of them leaves out.
REPLACED = {
    "GRAVITY_POSTGRES_URL": {"postgres"},
    "GRAVITY_REDIS_URL": {"redis"},
    "GRAVITY_BUS_URL": {"broker", "s3"},
    "GRAVITY_MLFLOW_URL": {"mlflow"},
    "GRAVITY_PREFECT_API_URL": {"prefect"},
    "GRAVITY_RANKER_URL": {"ranker"},
    "GRAVITY_LAKE_URL": set(),
}
EVERYTHING = (*programs.STORES, *programs.LEARNING, *programs.SERVING, "flows", "playground")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    home = Home.at(tmp_path)
    ports = {name: 20_000 + number for number, name in enumerate(programs.PORTS)}
    return Place(home, ports, keys.load_or_create(home.keys))


def names(place: Place, environment: dict[str, str]) -> list[str]:
    return [program.name for program in programs.plan(place, environment)]


def test_every_server_runs_here_by_default(place: Place) -> None:
    assert names(place, {}) == list(EVERYTHING)


@pytest.mark.parametrize("setting", CLUSTER)
def test_a_server_that_the_environment_replaces_does_not_run_here(
    place: Place, setting: str
) -> None:
    here = names(place, {setting: CLUSTER[setting]})
    assert here == [name for name in EVERYTHING if name not in REPLACED[setting]]


def test_beside_a_whole_cluster_only_our_own_code_runs_here(place: Place) -> None:
    assert names(place, CLUSTER) == ["api", "consumers", "flows", "playground"]


def test_there_is_no_playground_where_somebody_else_issues_the_tokens(place: Place) -> None:
    theirs = {"GRAVITY_JWT_ISSUER": "https://issuer.example"}
    assert "playground" not in names(place, theirs)
    assert "GRAVITY_PLAYGROUND_URL" not in programs.settings(place, theirs)


@pytest.mark.parametrize("environment", [{}, CLUSTER], ids=["local", "cluster"])
def test_the_flows_are_ready_when_the_prefect_that_they_use_has_them(
    place: Place, environment: dict[str, str]
) -> None:
    (flows,) = (each for each in programs.plan(place, environment) if each.name == "flows")
    api = programs.settings(place, environment)["GRAVITY_PREFECT_API_URL"]
    assert flows.check.target == f"{api}/deployments/name/retrain/retrain"


def test_settings_name_the_servers_here(place: Place) -> None:
    settings = programs.settings(place, {})
    assert settings["GRAVITY_REDIS_URL"] == f"redis://{place.address('redis')}/0"
    assert settings["GRAVITY_RANKER_URL"] == place.url("ranker")
    assert settings["GRAVITY_BUS_BUCKET"] == "gravity"


def test_settings_name_the_servers_that_replace_them_and_nothing_that_is_not_here(
    place: Place,
) -> None:
    settings = programs.settings(place, CLUSTER)
    assert CLUSTER.items() <= settings.items()
    assert settings.keys() - CLUSTER.keys() == {
        "GRAVITY_API_URL",
        "GRAVITY_CARD_TOKEN_KEY",
        "GRAVITY_JWT_PUBLIC_KEY",
        "GRAVITY_PLAYGROUND_URL",
    }


def test_an_embedded_broker_elsewhere_is_trimmed_where_the_environment_says(place: Place) -> None:
    elsewhere = {
        "GRAVITY_BUS_URL": "tansu://one:9092",
        "GRAVITY_BUS_BUCKET": "theirs",
        "GRAVITY_S3_URL": "https://s3.example",
        "GRAVITY_S3_ACCESS_KEY": "key",
        "GRAVITY_S3_SECRET_KEY": "secret",
    }
    assert elsewhere.items() <= programs.settings(place, elsewhere).items()


def test_no_program_shows_a_secret_in_its_command(place: Place) -> None:
    secrets = {place.keys.postgres_password, place.keys.s3_secret_key, place.keys.card_token_key}
    for program in programs.plan(place, {}):
        line = " ".join((*program.command, *program.prepare))
        assert not any(secret in line for secret in secrets), program.name
