"""Quality against the number of swipes: one panel for each task and measure."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.bench.plots import BLUE, BROWN, GREEN, GREY, PURPLE, RED, drawing
from cli.evaluate.kept import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_AFTER: Final = re.compile(r"^(auc|matches)_after_(\d+)_swipes$")
_COLOURS: Final = {
    "mean": GREY,
    "band-mean": BROWN,
    "fold-in": BLUE,
    "gravity-tower": GREEN,
    "gravity-tower-fold-in": GREEN,
    "gravity-fold-in": GREEN,
    "gravity-network": PURPLE,
    "gravity-network-fold-in": PURPLE,
}


def draw_curves(rows: Sequence[Row], path: Path) -> None:
    """Full lines move with the swipes; dotted ones are what does not."""
    shown = [row for row in rows if _AFTER.match(row["measure"]) and row["value"] is not None]
    panels = list(dict.fromkeys((row["task"], _what(row)) for row in shown))
    if not panels:
        return
    lines = -(-len(panels) // 2)
    size = (11.0, 3.4 * lines + 1.0)
    seeds = "bands: 95% intervals over markets (folds)"
    with drawing(path, "Quality against the number of swipes", seeds, size) as figure:
        axes = figure.subplots(lines, 2, squeeze=False).ravel()
        for each, (task, what) in zip(axes, panels, strict=False):
            _panel(each, [r for r in shown if (r["task"], _what(r)) == (task, what)])
            each.set_title(f"{task}: {'expected matches' if what == 'matches' else 'AUC of likes'}")
            each.set_xlabel("swipes")
            if what == "auc" and task.endswith("viewers"):
                # The colours are the same in all; here the upper left is free.
                each.legend(loc="upper left")
        for unused in axes[len(panels) :]:
            unused.set_axis_off()


def _what(row: Row) -> str:
    return row["measure"].partition("_")[0]


def _panel(axes: "Axes", rows: Sequence[Row]) -> None:
    most = max(_swipes(row) for row in rows)
    for method in dict.fromkeys(row["method"] for row in rows):
        curve = sorted((r for r in rows if r["method"] == method), key=_swipes)
        colour = _COLOURS.get(method, RED)
        x, y = [_swipes(r) for r in curve], [r["value"] or 0.0 for r in curve]
        if len(curve) == 1:
            axes.plot((0, most), (y[0], y[0]), ":", color=colour, label=method)
            continue
        axes.plot(x, y, marker="o", markersize=3, color=colour, label=method)
        if all(r["low"] is not None for r in curve):
            low, high = [r["low"] or 0.0 for r in curve], [r["high"] or 0.0 for r in curve]
            axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
    # Zero is on it, and the first swipes have room.
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xticks(sorted({_swipes(row) for row in rows}))
    axes.get_xaxis().set_major_formatter("{x:g}")


def _swipes(row: Row) -> int:
    found = _AFTER.match(row["measure"])
    assert found is not None
    return int(found[2])
