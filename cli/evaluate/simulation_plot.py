"""A market under each policy: matches against inequality, and three curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.bench.plots import BLUE, BROWN, GREEN, GREY, PURPLE, RED, drawing
from cli.evaluate.kept import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PALE_BLUE: Final = "#92c5de"
_LINES: Final = {
    "random": (GREY, "-"),
    "popularity": (GREY, "--"),
    "newest": (GREY, ":"),
    "one-sided": (RED, "-"),
    "product": (BROWN, "-"),
    "product with answers": (BROWN, "--"),
    "gravity without prices": (BLUE, "-"),
    "gravity without exploration": (_PALE_BLUE, "-"),
    "gravity without photos": (_PALE_BLUE, "--"),
    "gravity": (GREEN, "-"),
    "ceiling": (PURPLE, "-"),
    "ceiling of matches alone": (PURPLE, "--"),
    "oracle": (PURPLE, ":"),
}
"""No two policies look alike."""
_OTHER: Final = ("black", "-")
_FIGURES: Final = "means over seeds; bars: 95% intervals"


def draw_simulation(rows: Sequence[Row], path: Path) -> None:
    """The upper left is best to the left and high up."""
    budgets = [budget for budget in ("full", "standard", "smoke") if _of(rows, "gini", budget)]
    shown = [row for row in rows if row["budget"] == budgets[0]] if budgets else []
    with drawing(path, "What policies do to a market", _FIGURES, (12.0, 8.4)) as figure:
        axes = figure.subplots(2, 2).ravel()
        _against(axes[0], shown)
        _curves(axes[1], shown, "matches_per_active_day", "matches per active person", "day")
        _curves(axes[2], shown, "gini", "share of all exposure", "people, least seen first")
        axes[2].plot((0, 1), (0, 1), ":", color="0.6")
        _curves(
            axes[3],
            shown,
            "newcomers_matched_first_day",
            "newcomers with a match",
            "days since they joined",
        )


def _of(rows: Sequence[Row], measure: str, budget: str) -> list[Row]:
    return [row for row in rows if row["measure"] == measure and row["budget"] == budget]


def _against(axes: "Axes", rows: Sequence[Row]) -> None:
    inequality = {row["method"]: row for row in rows if row["measure"] == "gini"}
    for row in rows:
        other = inequality.get(row["method"])
        if row["measure"] != "matches_per_active_day" or other is None:
            continue
        x, y = other["value"] or 0.0, row["value"] or 0.0
        colour, _ = _LINES.get(row["method"], _OTHER)
        axes.plot((x,), (y,), "o", color=colour)
        if row["low"] is not None and row["high"] is not None:
            axes.plot((x, x), (row["low"], row["high"]), color=colour, linewidth=1.0)
        axes.annotate(row["method"], (x, y), (5, 4), textcoords="offset points", fontsize=8)
    axes.set_xlabel("Gini of exposure (less is better)")
    axes.set_ylabel("matches per active person and day")
    axes.set_ylim(bottom=0.0)
    axes.margins(x=0.15)


def _curves(axes: "Axes", rows: Sequence[Row], measure: str, what: str, along: str) -> None:
    for row in rows:
        if row["measure"] == measure and row.get("points"):
            x, y = zip(*row["points"], strict=True)
            colour, line = _LINES.get(row["method"], _OTHER)
            axes.plot(x, y, line, color=colour, label=row["method"])
    if measure != "gini":
        axes.locator_params(axis="x", integer=True)
    axes.set_xlabel(along)
    axes.set_ylabel(what)
    axes.set_ylim(bottom=0.0)
    axes.legend(fontsize=7)
