"""API and ranker of the benchmark: as always, with the empty hops in them."""

import sys

from cli import programs
from gravity.stack.place import Place
from gravity.stack.program import Program


def api(port: str) -> tuple[str, ...]:
    """The command of the API."""
    return (sys.executable, "-m", "cli.bench.deck.server", port)


def ranker(place: Place) -> Program:
    """See `cli.programs.ranker`."""
    return programs.bento(place, programs.RANKER, "cli.bench.deck.ranker:Ranker")
