"""`gravity bench …`."""

import typer

from cli.bench.deck.command import deck
from cli.bench.features import features
from cli.bench.freshness.command import freshness
from cli.bench.prices import prices
from cli.bench.retrieval.command import retrieval
from cli.bench.scale.command import scale
from cli.bench.swap.command import swap
from cli.bench.swipes import swipes

app = typer.Typer(
    name="bench",
    help="Measure the platform on this machine, on a stack of the benchmark's own.",
    no_args_is_help=True,
)
app.command()(swipes)
app.command()(deck)
app.command()(features)
app.command()(retrieval)
app.command()(freshness)
app.command()(swap)
app.command()(scale)
app.command()(prices)
