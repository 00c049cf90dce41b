"""The composition of a local Gravity: which programs it consists of, in which order they start."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from gravity.stack import infra, stack, wheels
from gravity.stack.home import Home
from gravity.stack.place import Place
from gravity.stack.program import Check, Program
from gravity.stack.servers import broker, mlflow, postgres, prefect, redis

ROOT = Path(__file__).resolve().parents[1]
STORES = infra.STORES
LEARNING = infra.LEARNING
SERVING = ("api", "consumers", "ranker")
SERVERS = STORES + LEARNING
PORTS = (*infra.port_names(SERVERS), "api", "consumers", "ranker")
_LOG = (postgres.NAME, redis.NAME, broker.NAME)


def home() -> Home:
    """The stack's folder: GRAVITY_HOME, or `.gravity` below the current folder."""
    return Home.at(Path(os.environ.get("GRAVITY_HOME", ".gravity")))


def _environment(place: Place) -> dict[str, str]:
    # The rest is in the stack's environment file, which every process reads.
    return {"GRAVITY_HOME": str(place.home.path), "PYTHONUNBUFFERED": "1"}


def _gravity(*words: str) -> tuple[str, ...]:
    return (wheels.script("gravity", "gravity-discovery"), *words)


def _service(place: Place, name: str) -> Program:
    port = str(place.ports[name])
    return Program(
        name=name,
        command=(wheels.script("gravity", "gravity-discovery"), "run", name, "--port", port),
        check=Check("http", f"{place.url(name)}/readyz"),
        directory=str(ROOT),
        environment=_environment(place),
        after=_LOG,
        url=place.url(name),
    )


def _api(place: Place) -> Program:
    return _service(place, "api")


def _consumers(place: Place) -> Program:
    return _service(place, "consumers")


def _ranker(place: Place) -> Program:
    return Program(
        name="ranker",
        command=(
            *(wheels.script("bentoml", "bentoml"), "serve", "serving.service:Ranker"),
            *("--host", "127.0.0.1", "--port", str(place.ports["ranker"])),
            *("--api-workers", "1", "--working-dir", str(ROOT)),
        ),
        check=Check("http", f"{place.url('ranker')}/readyz"),
        directory=str(ROOT),
        environment={
            **_environment(place),
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": str(place.home.path / "bentoml"),
        },
        after=(redis.NAME, broker.NAME),
        url=place.url("ranker"),
    )


def _flows(place: Place) -> Program:
    # Prefect keeps its runs' folders in a shared one otherwise, that belongs to whoever came first.
    scratch = str(place.home.path / "flows")
    return Program(
        name="flows",
        command=(sys.executable, "-m", "flows.runner"),
        # Its one deployment is there to be asked for.
        check=Check("http", f"{prefect.api_url(place)}/deployments/name/retrain/retrain"),
        directory=str(ROOT),
        prepare=("/bin/mkdir", "-p", scratch),
        environment={
            **_environment(place),
            "TMPDIR": scratch,
            "PREFECT_API_URL": prefect.api_url(place),
            "PREFECT_HOME": str(place.home.path / "prefect"),
            "MLFLOW_TRACKING_URI": place.url(mlflow.NAME),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
        },
        after=(*_LOG, prefect.NAME),
        # Training gives way to serving.
        nice=5,
    )


def plan(place: Place, environment: Mapping[str, str]) -> tuple[Program, ...]:
    """The programs of a local Gravity, in the order of their start."""
    servers = infra.programs(place, SERVERS, environment)
    return (*servers, _api(place), _consumers(place), _ranker(place), _flows(place))


def settings(place: Place, environment: Mapping[str, str]) -> dict[str, str]:
    """The settings by which every process of this Gravity finds the others."""
    found = infra.settings(place, SERVERS)
    found["GRAVITY_API_URL"] = place.url("api")
    found["GRAVITY_RANKER_URL"] = place.url("ranker")
    if environment.get("GRAVITY_BUS_URL"):
        # A cluster keeps its own records.
        del found["GRAVITY_BUS_BUCKET"]
    # What the caller's environment says wins, for the programs of this stack too.
    return {key: environment.get(key) or value for key, value in found.items()}


def start(environment: Mapping[str, str]) -> stack.Stack:
    """Start Gravity's programs (what does not run already) and return at once.

    Raises PortTaken, BinaryMissing, CannotBecome, SupervisorFailed.
    """
    composition = stack.Composition(
        PORTS,
        lambda place: plan(place, environment),
        lambda place: settings(place, environment),
    )
    return stack.start(home(), composition, environment)
