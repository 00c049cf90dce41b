"""`gravity evaluate …`."""

import typer

from cli.evaluate.factors import factors
from cli.evaluate.ranker import ranker

app = typer.Typer(
    name="evaluate",
    help="How good the models are, on real and on simulated people, beside what others report.",
    no_args_is_help=True,
)
app.command()(factors)
app.command()(ranker)
