"""Rows as bars with their intervals, a panel for each task and measure."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.bench.plots import BLUE, GREEN, GREY, drawing
from cli.evaluate.kept import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_bars(rows: Sequence[Row], path: Path, title: str) -> None:
    """One panel for each task and measure; a dotted line is what a row has to reach."""
    shown = [row for row in rows if row["value"] is not None]
    panels = list(dict.fromkeys((row["task"], row["measure"]) for row in shown))
    longest = max(sum((row["task"], row["measure"]) == panel for row in shown) for panel in panels)
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    size = (5.5 * columns, lines * (1.2 + 0.24 * longest) + 1.0)
    seeds = ", ".join(sorted({str(row["seed"]) for row in shown}))
    with drawing(path, title, f"lines: 95% intervals; seeds {seeds}", size) as figure:
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for each, (task, measure) in zip(axes, panels, strict=False):
            of_panel = [r for r in shown if (r["task"], r["measure"]) == (task, measure)]
            _panel(each, of_panel)
            lower = " (less is better)" if of_panel[0].get("better") == "lower" else ""
            each.set_title(f"{task}: {measure}{lower}")
        for unused in axes[len(panels) :]:
            unused.set_axis_off()


def _panel(axes: "Axes", rows: Sequence[Row]) -> None:
    names = [f"{row['method']} ({row['budget']})" for row in rows]
    values = [row["value"] or 0.0 for row in rows]
    colours = [
        GREEN if row["method"].startswith("gravity") else BLUE if row["reference"] else GREY
        for row in rows
    ]
    at = range(len(rows))
    axes.barh(at, values, color=colours, height=0.7)
    for y, row in zip(at, rows, strict=True):
        if row["low"] is not None and row["high"] is not None:
            axes.plot((row["low"], row["high"]), (y, y), color="0.2", linewidth=1.0)
        if row["reference"] is not None:
            x = row["reference"]
            axes.plot((x, x), (y - 0.45, y + 0.45), color="0.2", linestyle=":")
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    low = min(min(values), 0.0)
    axes.set_xlim(left=low)
