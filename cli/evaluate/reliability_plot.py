"""Reliability: mean predictions of tenths against the share of likes that came."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.bench.plots import BLUE, GREEN, GREY, drawing
from cli.evaluate.kept import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MEASURES: Final = {
    "ece": "all viewers",
    "ece_of_pickiest_tenth": "pickiest tenth",
    "ece_of_most_liked_tenth": "most liked tenth",
}
_METHODS: Final = {"score-only": GREY, "without-viewers-rate": BLUE, "gravity": GREEN}


def draw_reliability(rows: Sequence[Row], path: Path) -> None:
    """A line of panels for each task that has curves: everybody, the pickiest, the most liked."""
    curves = [row for row in rows if row.get("points")]
    tasks = list(dict.fromkeys(row["task"] for row in curves))
    if not tasks:
        # Kept rows of one measurement alone may have none.
        return
    size = (3.4 * len(_MEASURES), 3.1 * len(tasks) + 1.0)
    seeds = "tenths of equal size; points on the dotted line are exact"
    with drawing(path, "Predicted and actual shares of likes", seeds, size) as figure:
        axes = figure.subplots(len(tasks), len(_MEASURES), squeeze=False)
        for line, task in zip(axes, tasks, strict=True):
            for each, measure in zip(line, _MEASURES, strict=True):
                _panel(each, [r for r in curves if (r["task"], r["measure"]) == (task, measure)])
                each.set_title(f"{task}: {_MEASURES[measure]}")
        axes[0, 0].legend(loc="upper left")


def _panel(axes: "Axes", rows: Sequence[Row]) -> None:
    axes.plot((0, 1), (0, 1), color="0.5", linestyle=":")
    # Ours last, over the others.
    for row in sorted(rows, key=lambda row: row["method"].startswith("gravity")):
        if row["method"] in _METHODS:
            x, y = zip(*row["points"], strict=True)
            label = f"{row['method']} ({row['value']:.3f})"
            axes.plot(x, y, marker="o", markersize=3, color=_METHODS[row["method"]], label=label)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("predicted")
    axes.set_ylabel("came")
