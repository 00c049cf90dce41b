"""A stack of a benchmark's own that deals ranked decks."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final

from cli import programs
from cli.own_stack import Command, MakeProgram, OwnStack, gravity_run, own_stack

_API: Final = gravity_run("api")


def ranked_stack(
    extra: Mapping[str, str],
    api: Command = _API,
    ranker: MakeProgram = programs.ranker,
) -> AbstractContextManager[OwnStack]:
    """Stores, MLflow, API, consumers and ranker; `extra`: settings. Raises as `own_stack` does."""
    return own_stack(
        "gravity-bench-",
        {"api": api, "consumers": gravity_run("consumers")},
        extra,
        servers=(*programs.STORES, "mlflow"),
        others={programs.RANKER: ranker},
    )
