"""The medians of `gravity bench retrieval`, over the share of people who are eligible."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.bench.plots import save_svg
from cli.bench.retrieval.report import BUDGET_MS, LEAST_RECALL, Row, good

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS: Final = ("#1b7837", "#999999", "#2166ac", "#d6604d", "#762a83", "#b35806")


def plot(rows: Sequence[Row], path: Path) -> None:
    """A panel for each number of people, a line for each engine. Raises OSError."""
    from matplotlib.figure import Figure

    sizes = list(dict.fromkeys(row["people"] for row in rows))
    shares = sorted({row["selectivity"] for row in rows})
    engines = list(dict.fromkeys(row["engine"] for row in rows))
    figure = Figure(figsize=(1.2 + 3.2 * len(sizes), 5.2), layout="constrained")
    panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for axes, people in zip(panels, sizes, strict=True):
        axes.set(title=f"{people:,} people", xscale="log", yscale="log", xlabel="share eligible")
        axes.set_xticks(shares, [f"{100 * share:g}%" for share in shares], minor=False)
        axes.minorticks_off()
        axes.yaxis.set_major_formatter("{x:g}")
        axes.axhline(BUDGET_MS, color="0.6", linestyle=":", linewidth=1)
        for engine, colour in zip(engines, _COLOURS, strict=False):
            _line(axes, [r for r in rows if (r["people"], r["engine"]) == (people, engine)], colour)
    panels[0].set_ylabel("p50 of a search for the 100 best, ms")
    panels[0].legend(fontsize=8)
    figure.suptitle(
        f"Retrieval; filled: recall@100 ≥ {LEAST_RECALL:g} in every group; ringed: used",
        fontsize=10,
    )
    save_svg(figure, path, _figures(rows))


def _line(axes: "Axes", rows: Sequence[Row], colour: str) -> None:
    for row in rows:
        at, fill = (row["selectivity"], row["p50_ms"]), "full" if good(row) else "none"
        axes.plot(*at, "o", color=colour, fillstyle=fill)
        if row["used"]:
            axes.plot(*at, "o", color=colour, fillstyle="none", markersize=11)
    if rows:
        x, y = [row["selectivity"] for row in rows], [row["p50_ms"] for row in rows]
        axes.plot(x, y, color=colour, linewidth=1, label=rows[0]["engine"])


def _figures(rows: Sequence[Row]) -> str:
    """What is used, for most people."""
    most = max(row["people"] for row in rows)
    used = [row for row in rows if row["used"] and row["people"] == most]
    each = (f"{100 * row['selectivity']:g}% {row['p50_ms']:.2g} ms" for row in used)
    return f"used at {most:,}: " + ", ".join(each)
