"""The composition of a local Gravity: which programs it consists of, in which order they start."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gravity.issuer import DEVELOPMENT_ISSUER
from gravity.stack import infra, stack, wheels
from gravity.stack.home import Home
from gravity.stack.place import Place
from gravity.stack.program import Check, Program
from gravity.stack.servers import broker, postgres, prefect, redis

ROOT = Path(__file__).resolve().parents[1]
STORES = infra.STORES
LEARNING = infra.LEARNING
SERVING = ("api", "consumers", "ranker")
SERVERS = STORES + LEARNING
PLAYGROUND = "playground"
PORTS = (*infra.port_names(SERVERS), *SERVING, PLAYGROUND)
_LOG = (postgres.NAME, redis.NAME, broker.NAME)
RANKER = "ranker"
RANKER_URL = "GRAVITY_RANKER_URL"
PLAYGROUND_URL = "GRAVITY_PLAYGROUND_URL"


def home() -> Home:
    """The stack's folder: GRAVITY_HOME, or `.gravity` below the current folder. Makes nothing."""
    return Home(Path(os.environ.get("GRAVITY_HOME", ".gravity")).resolve())


def _environment(place: Place) -> dict[str, str]:
    # The rest is in the stack's environment file, which every process reads.
    return {"GRAVITY_HOME": str(place.home.path), "PYTHONUNBUFFERED": "1"}


def _gravity(*words: str) -> tuple[str, ...]:
    return (wheels.script("gravity", "gravity-discovery"), *words)


def service(place: Place, name: str) -> Program:
    """One of our processes: `gravity run NAME` at the port of that name."""
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
    return service(place, "api")


def _consumers(place: Place) -> Program:
    return service(place, "consumers")


def _playground(place: Place) -> Program:
    # Whatever the first deck needs starts before it.
    return replace(service(place, PLAYGROUND), after=("api",), nice=5)


def ranker(place: Place) -> Program:
    """BentoML with one worker at the port `ranker`."""
    return bento(place, RANKER, "serving.service:Ranker")


def bento(place: Place, name: str, service: str) -> Program:
    """A BentoML service with one worker at the port of that name."""
    return Program(
        name=name,
        command=(
            *(wheels.script("bentoml", "bentoml"), "serve", service),
            *("--host", "127.0.0.1", "--port", str(place.ports[name])),
            *("--api-workers", "1", "--working-dir", str(ROOT)),
        ),
        check=Check("http", f"{place.url(name)}/readyz"),
        directory=str(ROOT),
        environment={
            **_environment(place),
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": str(place.home.path / "bentoml"),
        },
        after=(redis.NAME, broker.NAME),
        url=place.url(name),
    )


def _flows(place: Place, environment: Mapping[str, str]) -> Program:
    # Prefect keeps its runs' folders in a shared one otherwise, that belongs to whoever came first.
    scratch = str(place.home.path / "flows")
    prefect_api = environment.get("GRAVITY_PREFECT_API_URL") or prefect.api_url(place)
    return Program(
        name="flows",
        # It tells Prefect's client by itself where the server is, from the settings.
        command=(sys.executable, "-m", "flows.runner"),
        # The last of its deployments is there to be asked for.
        check=Check("http", f"{prefect_api}/deployments/name/retrain/retrain"),
        directory=str(ROOT),
        prepare=("/bin/mkdir", "-p", scratch),
        environment={**_environment(place), "TMPDIR": scratch},
        after=(*_LOG, prefect.NAME),
        # Training gives way to serving.
        nice=5,
    )


def _has_playground(environment: Mapping[str, str]) -> bool:
    """It speaks for people by the development issuer, whom an API of another does not trust."""
    return environment.get("GRAVITY_JWT_ISSUER", DEVELOPMENT_ISSUER) == DEVELOPMENT_ISSUER


def plan(place: Place, environment: Mapping[str, str]) -> tuple[Program, ...]:
    """The programs of a local Gravity, in the order of their start."""
    servers = infra.programs(place, SERVERS, environment)
    rankers = () if environment.get(RANKER_URL) else (ranker(place),)
    playgrounds = (_playground(place),) if _has_playground(environment) else ()
    ours = (_api(place), _consumers(place), *rankers, _flows(place, environment), *playgrounds)
    return (*servers, *ours)


def settings(place: Place, environment: Mapping[str, str]) -> dict[str, str]:
    """The settings by which every process of this Gravity finds the others.

    Servers that do not run here have none of ours: another bus keeps its records elsewhere.
    """
    ours = {"GRAVITY_API_URL": place.url("api"), RANKER_URL: place.url(RANKER)}
    if _has_playground(environment):
        ours[PLAYGROUND_URL] = place.url(PLAYGROUND)
    here = infra.settings(place, infra.needed(SERVERS, environment)) | ours
    # What the caller's environment says wins, for the programs of this stack and for commands that
    # are called without it: an import must find the lake that the consumers write.
    elsewhere = tuple(f"GRAVITY_{what}_URL" for what in ("LAKE", "MEDIA", "INDEX", "FEATURES"))
    theirs = (*infra.settings(place, SERVERS), *ours, *elsewhere)
    return here | {key: environment[key] for key in theirs if environment.get(key)}


def start(environment: Mapping[str, str]) -> stack.Stack:
    """Start Gravity's programs (what does not run already) and return at once.

    Raises PortTaken, BinaryMissing, CannotBecome, SupervisorFailed.
    """
    composition = stack.Composition(
        PORTS,
        lambda place: plan(place, environment),
        lambda place: settings(place, environment),
    )
    return stack.start(Home.at(home().path), composition, environment)
