"""A plan's measurements, one after the other in a process of their own, until the time is up."""

import multiprocessing
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from cli.evaluate.kept import Row, Shelf, row_of
from cli.evaluate.plan import MINUTES, Budget, Found, Measurement, Plan, Say
from gravity.child_process import end_with_parent


class MeasurementFailed(Exception):
    """A measurement ended with an error; what was finished before is kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rows, those of them that were measured now, why measurements have none, and what ended it
    before its time."""

    rows: list[Row]
    measured: list[Row]
    left_out: list[str]
    failed: MeasurementFailed | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a measurement found, and how many seconds it took."""

    name: str
    found: Sequence[Found]
    seconds: float


def carry_out(
    plan: Plan, budget: Budget, data: Path, kept: Shelf, committed: Shelf, say: Say
) -> Outcome:
    """Rows of `full` that still hold, then those of the budget: kept ones, and what is missing.

    A measurement that fails ends it; what was finished before is there all the same.
    """
    rows: list[Row] = []
    measured: list[Row] = []
    left_out: list[str] = []
    if budget is not Budget.FULL:
        for measurement in plan(Budget.FULL, data):
            rows += committed.rows(measurement) or []
    wanted: dict[str, Measurement] = {}
    shelf = committed if budget is Budget.FULL else kept
    for measurement in plan(budget, data):
        held, missing = shelf.rows(measurement), measurement.missing()
        if budget is not Budget.FULL and committed.rows(measurement) is not None:
            continue
        if held is not None:
            rows += held
        elif missing is not None:
            left_out.append(f"{measurement.name}: {missing} is not there")
        else:
            wanted[measurement.name] = measurement
    try:
        for finished in _measured(plan, budget, data, list(wanted), say):
            measurement = wanted.pop(finished.name)
            found = [row_of(each, measurement, budget, finished.seconds) for each in finished.found]
            shelf.put(measurement, found)
            measured += found
    except MeasurementFailed as failed:
        return Outcome(rows + measured, measured, left_out, failed)
    minutes = MINUTES[budget]
    left_out += [f"{name}: not finished in {minutes:g} minutes; run again" for name in wanted]
    return Outcome(rows + measured, measured, left_out)


def _measured(
    plan: Plan, budget: Budget, data: Path, names: list[str], say: Say
) -> Iterator[Finished]:
    """Yields what is finished.

    The process is ended when the time is up, or on an interruption.
    """
    if not names:
        return
    deadline = time.monotonic() + 60.0 * MINUTES[budget]
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    # No daemon: those may have no processes of their own.
    process = context.Process(target=_work, args=(plan, budget, data, names, theirs))
    process.start()
    theirs.close()
    try:
        while mine.poll(max(0.0, deadline - time.monotonic())):
            try:
                message = mine.recv()
            except EOFError:
                process.join()
                if process.exitcode:
                    ended = f"its process ended by itself (exit code {process.exitcode})"
                    raise MeasurementFailed(ended) from None
                return
            match message:
                case Finished():
                    yield message
                case MeasurementFailed():
                    raise message
                case str():
                    say(message)
    finally:
        process.kill()
        process.join()


def _work(plan: Plan, budget: Budget, data: Path, names: list[str], pipe: Connection) -> None:
    end_with_parent()
    by_name = {measurement.name: measurement for measurement in plan(budget, data)}
    for name in names:
        started = time.monotonic()
        pipe.send(name)
        try:
            found = list(by_name[name].run(partial(_tell, pipe, name)))
        except Exception:
            pipe.send(MeasurementFailed(f"{name}\n{traceback.format_exc()}"))
            return
        pipe.send(Finished(name, found, time.monotonic() - started))


def _tell(pipe: Connection, name: str, what: str) -> None:
    pipe.send(f"{name}: {what}")
