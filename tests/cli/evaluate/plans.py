"""Plans for the tests; a module of its own, since the measuring process imports it."""

import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from cli.evaluate.plan import Budget, Found, Measurement, Say

RAN = "ran.txt"
_MODULES = ("training.factorisation.ranking",)


def _measure(folder: Path, name: str, value: float, say: Say) -> Sequence[Found]:
    with (folder / RAN).open("a") as file:
        file.write(name + "\n")
    say("half way")
    return [Found("tiny", "auc", name, value, 0.1, 0.9, 0.5)]


def _fail(say: Say) -> Sequence[Found]:
    raise ValueError("no such column")


def _die(say: Say) -> Sequence[Found]:
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def _hang(say: Say) -> Sequence[Found]:
    threading.Event().wait()
    return []


def two(budget: Budget, data: Path) -> Sequence[Measurement]:
    """Two quick measurements; `full` measures the same with another seed."""
    seed = 1 if budget is Budget.FULL else 0
    return [
        Measurement(f"tiny/{name}", partial(_measure, data, name, value), _MODULES, seed=seed)
        for name, value in (("a", 0.4), ("b", 0.6))
    ]


def one_more(budget: Budget, data: Path) -> Sequence[Measurement]:
    """The second of them after a change of its settings, and a third."""
    first, second = two(budget, data)
    third = Measurement("tiny/c", partial(_measure, data, "c", float("nan")), _MODULES)
    return [first, replace(second, settings={"d": 8}), third]


def with_file(budget: Budget, data: Path) -> Sequence[Measurement]:
    """One that depends on a file."""
    run = partial(_measure, data, "a", 0.4)
    return [Measurement("tiny/a", run, _MODULES, data=(data / "set.csv",))]


def failing(budget: Budget, data: Path) -> Sequence[Measurement]:
    """The second fails."""
    first, _ = two(budget, data)
    return [first, Measurement("tiny/bad", _fail, _MODULES)]


def one_whatever_the_budget(budget: Budget, data: Path) -> Sequence[Measurement]:
    """The same in every budget."""
    return [Measurement("tiny/a", partial(_measure, data, "a", 0.4), _MODULES)]


def dying(budget: Budget, data: Path) -> Sequence[Measurement]:
    """The second is killed, as for want of memory."""
    first, _ = two(budget, data)
    return [first, Measurement("tiny/big", _die, _MODULES)]


def hanging(budget: Budget, data: Path) -> Sequence[Measurement]:
    """The second never ends."""
    first, _ = two(budget, data)
    return [first, Measurement("tiny/slow", _hang, _MODULES)]
