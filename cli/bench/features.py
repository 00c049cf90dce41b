"""`gravity bench features`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bench.plots import SvgFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from cli.bench.feature_reads import Row


def features(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    calls: Annotated[int, typer.Option(min=1, help="How many calls each median is of.")] = 200,
    svg: SvgFile = None,
) -> None:
    """The online reader beside Feast's SDK: how long both take for the same people from the same
    Redis, and whether they find the same values.

    It takes about seven minutes, and starts a Redis of its own in a temporary folder. They take
    turns, the SDK in a process of its own: on Feast's store of Redis, and on ours
    (features/repo/online_store.py). The SDK's call is timed without `to_dict`, and the reader's is
    one typed matrix with its texts beside it. Two in a hundred people are unknown, two in a hundred
    values null.
    """
    from rich.console import Console

    from cli.bench.feature_plot import plot
    from cli.bench.feature_reads import SdkFailed
    from cli.bench.running import running
    from gravity.stack.failures import StackError

    console = Console(stderr=as_json)
    with running(console, StackError, SdkFailed) as say:
        rows = _measured(calls, say)
    if as_json:
        typer.echo(json.dumps({"rows": rows}))
    else:
        _print(console, rows)
    if svg is not None:
        plot(rows, svg)


def _measured(calls: int, say: "Callable[[str], None]") -> "list[Row]":
    import uvloop

    from cli.bench.feature_reads import measure
    from cli.bench.own_redis import own_redis

    say("starting Redis")
    with own_redis("gravity-bench-") as own:
        # As the ranker, which reads with it.
        return uvloop.run(measure(own, calls, say))


def _print(console: "Console", rows: "Sequence[Row]") -> None:
    from rich.table import Table

    table = Table(title="Online features", title_justify="left")
    for column in (
        "",
        "people",
        "Feast's SDK, ms",
        "SDK on our store, ms",
        "reader, ms",
        "ratio",
        "equal",
    ):
        table.add_column(column, justify="right" if column else "left")
    for row in rows:
        table.add_row(
            row["shape"],
            f"{row['entities']:,}",
            f"{row['sdk_p50_ms']:.2f}",
            f"{row['plugin_p50_ms']:.2f}",
            f"{row['reader_p50_ms']:.2f}",
            f"{row['ratio']:.1f}",
            "yes" if row["equal"] else "NO",
        )
    console.print(table)
    console.print("medians; on two quiet cores, 500 people: packed ≥ 10, 20 scalars ≥ 15")
