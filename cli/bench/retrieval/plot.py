"""The medians of `gravity bench retrieval`, over the share of people who are eligible."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.bench.plots import BLUE, BROWN, GREEN, GREY, PURPLE, RED, drawing, plain
from cli.bench.retrieval.report import BUDGET_MS, LEAST_RECALL, Row, good

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_COLOURS: Final = (GREEN, GREY, BLUE, RED, PURPLE, BROWN)
_RING: Final = 11


def plot(rows: Sequence[Row], path: Path) -> None:
    """A panel for each number of people, a line for each engine. Raises OSError."""
    sizes = list(dict.fromkeys(row["people"] for row in rows))
    engines = dict.fromkeys(row["engine"] for row in rows)
    colours = dict(zip(engines, _COLOURS, strict=False))
    title = "Search for the 100 best of those who are eligible"
    with drawing(path, title, _figures(rows), (max(8, 2.6 + 3.2 * len(sizes)), 5.2)) as figure:
        panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
        for axes, people in zip(panels, sizes, strict=True):
            _panel(axes, people, [row for row in rows if row["people"] == people], colours)
        panels[0].set_ylabel("p50 of a search, ms")
        figure.legend(handles=_legend(colours), loc="outside right upper")


def _panel(axes: "Axes", people: int, rows: Sequence[Row], colours: Mapping[str, str]) -> None:
    shares = sorted({row["selectivity"] for row in rows})
    axes.set(title=f"{people:,} people", xlabel="share eligible", xscale="log", yscale="log")
    axes.set_xticks(shares, [f"{100 * share:g}%" for share in shares], minor=False)
    axes.minorticks_off()
    plain(axes.yaxis)
    axes.axhline(BUDGET_MS, color="0.5", linestyle=":", linewidth=1)
    for engine, colour in colours.items():
        _line(axes, [row for row in rows if row["engine"] == engine], colour)


def _line(axes: "Axes", rows: Sequence[Row], colour: str) -> None:
    for row in rows:
        at, fill = (row["selectivity"], row["p50_ms"]), "full" if good(row) else "none"
        axes.plot(*at, "o", color=colour, fillstyle=fill)
        if row["used"]:
            axes.plot(*at, "o", color=colour, fillstyle="none", markersize=_RING)
    if rows:
        x, y = [row["selectivity"] for row in rows], [row["p50_ms"] for row in rows]
        axes.plot(x, y, color=colour, linewidth=1)


def _legend(colours: Mapping[str, str]) -> "list[Line2D]":
    """What colours and marks stand for."""
    from matplotlib.lines import Line2D

    def mark(words: str, **how: Any) -> Line2D:
        return Line2D([], [], marker="o", color="0.3", linestyle="", label=words, **how)

    return [
        *(Line2D([], [], color=colour, label=engine) for engine, colour in colours.items()),
        mark(f"recall@100 ≥ {LEAST_RECALL:g},\nin every group"),
        mark("less", fillstyle="none"),
        mark("used", fillstyle="none", markersize=_RING),
        Line2D([], [], color="0.5", linestyle=":", linewidth=1, label=f"budget: {BUDGET_MS:g} ms"),
    ]


def _figures(rows: Sequence[Row]) -> str:
    """What is used, for most people."""
    most = max(row["people"] for row in rows)
    used = [row for row in rows if row["used"] and row["people"] == most]
    each = (f"{100 * row['selectivity']:g}% {row['p50_ms']:.2g} ms" for row in used)
    return f"used at {most:,}: " + ", ".join(each)
