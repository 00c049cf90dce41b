"""The two processes of the textbook's path, beside a stack that is up."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from cli import programs
from cli.own_stack import MakeProgram
from gravity.stack.place import Place
from gravity.stack.program import Check, Program

API: Final = "textbook"
RANKER: Final = "textbook_ranker"
RELEASE: Final = "TEXTBOOK_RELEASE"
RANKER_URL: Final = "TEXTBOOK_RANKER_URL"
PATIENCE_S: Final = 600.0
"""Feast alone takes ten seconds of a core to import, an index of a million as long to train."""


def textbook(release: str) -> Mapping[str, MakeProgram]:
    """Both, by name and port, for people of a release that is in Feast's store."""
    return {
        API: lambda place: _api(place, release),
        RANKER: lambda place: _ranker(place, release),
    }


def _api(place: Place, release: str) -> Program:
    return Program(
        name=API,
        command=(sys.executable, "-m", "cli.bench.textbook.api", str(place.ports[API])),
        # There once everything is open.
        check=Check("http", f"{place.url(API)}/openapi.json"),
        directory=str(programs.ROOT),
        environment={
            "GRAVITY_HOME": str(place.home.path),
            RELEASE: release,
            RANKER_URL: place.url(RANKER),
            # Feast leaves a folder of metrics behind.
            "TMPDIR": str(place.home.path),
        },
        url=place.url(API),
    )


def _ranker(place: Place, release: str) -> Program:
    program = programs.bento(place, RANKER, "cli.bench.textbook.ranker:TextbookRanker")
    return replace(program, environment={**program.environment, RELEASE: release})
