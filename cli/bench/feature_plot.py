"""What `gravity bench features` measured, over the number of people read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.bench.plots import BLUE, GREEN, GREY, RED, drawing, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cli.bench.feature_reads import Row


def plot(rows: "Sequence[Row]", path: Path) -> None:
    """A panel for each shape: the SDK, with its ratio to the reader, and the reader.

    Raises OSError.
    """
    shapes = list(dict.fromkeys(row["shape"] for row in rows))
    with drawing(
        path, "Online features of so many people at once", _figures(rows), (12, 4.8)
    ) as figure:
        panels = figure.subplots(1, len(shapes), sharey=True, squeeze=False)[0]
        for axes, shape in zip(panels, shapes, strict=True):
            _panel(axes, shape, [row for row in rows if row["shape"] == shape])
        panels[0].set_ylabel("p50 of a read, ms")
        panels[0].legend(loc="upper left")


def _panel(axes: "Axes", shape: str, rows: "Sequence[Row]") -> None:
    entities = [row["entities"] for row in rows]
    sdk, plugin, reader = (
        [row[of] for row in rows] for of in ("sdk_p50_ms", "plugin_p50_ms", "reader_p50_ms")
    )
    axes.vlines(entities, reader, sdk, color="0.85", linewidth=1)
    axes.plot(entities, sdk, "o-", color=GREY, label="Feast's SDK")
    axes.plot(entities, plugin, "o-", color=BLUE, label="Feast's SDK on the reader's round trip")
    axes.plot(entities, reader, "o-", color=GREEN, label="the reader")
    for row in rows:
        # Left of the line, which rises.
        axes.annotate(
            f"{row['ratio']:.3g} ×",
            (row["entities"], row["sdk_p50_ms"]),
            (-5, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color="0.2" if row["equal"] else RED,
        )
    axes.set(title=shape, xscale="log", yscale="log", xlabel="people")
    axes.set_xlim(entities[0] / 4, 1.5 * entities[-1])
    axes.margins(y=0.1)
    axes.set_xticks(entities, [f"{each}" for each in entities], minor=False)
    axes.minorticks_off()
    plain(axes.yaxis)


def _figures(rows: "Sequence[Row]") -> str:
    """The ratios at the size of a deck's candidates, or the nearest to it."""
    at = min((row["entities"] for row in rows), key=lambda entities: abs(entities - 500))
    each = (f"{row['shape']} {row['ratio']:.3g} ×" for row in rows if row["entities"] == at)
    different = sum(not row["equal"] for row in rows)
    equal = "all values equal" if not different else f"values differ in {different} of {len(rows)}"
    return f"{at:,} people: {', '.join(each)}; {equal}"
