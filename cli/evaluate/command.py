"""`gravity evaluate …`."""

import typer

from cli.evaluate.calibration import calibration
from cli.evaluate.coldstart import coldstart
from cli.evaluate.factors import factors
from cli.evaluate.market import market
from cli.evaluate.photos import photos
from cli.evaluate.ranker import ranker
from cli.evaluate.reciprocal import reciprocal
from cli.evaluate.simulation import simulation

app = typer.Typer(
    name="evaluate",
    help="How good the models are, on real and on simulated people, beside what others report.",
    no_args_is_help=True,
)
app.command()(factors)
app.command()(reciprocal)
app.command()(calibration)
app.command()(coldstart)
app.command()(ranker)
app.command()(photos)
app.command()(market)
app.command()(simulation)
