"""`gravity bench retrieval`."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bench.plots import SvgFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.bench.retrieval.report import Row

_PEOPLE = (10_000, 100_000, 1_000_000, 3_000_000)
_SHARES = (0.0001, 0.001, 0.01, 0.1, 0.5)


def retrieval(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    people: Annotated[
        list[int] | None,
        typer.Option(min=500, max=3_000_000, help="How many people there are; may be repeated."),
    ] = None,
    selectivity: Annotated[
        list[float] | None,
        typer.Option(
            min=1e-6, max=0.9, help="The share of them who are eligible; may be repeated."
        ),
    ] = None,
    svg: SvgFile = None,
) -> None:
    """How long the search for the 100 best of those who are eligible takes, and how many of them
    it finds: serving's own engine and, beside it, others.

    No stack is needed: everything happens in one process, on one core, but that serving's engine
    for a Milvus gets a standalone server of its own, up to 1,000,000 people. Without options there
    are 10,000, 100,000, 1,000,000 and 3,000,000 people, of whom 0.01%, 0.1%, 1%, 10% and 50% are
    eligible; that takes about three quarters of an hour and 5 GB of memory. What it learns the
    people from is kept in ~/.cache/gravity-bench (XDG_CACHE_HOME).
    """
    from rich.console import Console

    from cli.bench.retrieval.milvus import missing
    from cli.bench.retrieval.plot import plot
    from cli.bench.retrieval.report import print_rows
    from cli.bench.running import running
    from gravity.stack.failures import StackError
    from serving.index import IndexUnavailable

    console = Console(stderr=as_json)
    if (why := missing()) is not None:
        console.print(f"without milvus: {why}", style="yellow", markup=False)
    with running(console, StackError, IndexUnavailable) as say:
        rows = _measured(people or _PEOPLE, selectivity or _SHARES, say)
    if as_json:
        typer.echo(json.dumps({"rows": rows}))
    else:
        print_rows(console, rows)
    if svg is not None:
        plot(rows, svg)


def _measured(
    people: "Sequence[int]", shares: "Sequence[float]", say: "Callable[[str], None]"
) -> "list[Row]":
    from threadpoolctl import threadpool_limits

    from cli.bench.cache import cache
    from cli.bench.retrieval.measure import measure
    from gravity.kernel import utc_now

    rows: list[Row] = []
    # As the ranker.
    with threadpool_limits(1, "blas"):
        for size in people:
            with tempfile.TemporaryDirectory(prefix="gravity-bench-") as folder:
                release = Path(folder) / "release"
                rows.extend(measure(size, shares, cache(), release, utc_now(), say))
    return rows
