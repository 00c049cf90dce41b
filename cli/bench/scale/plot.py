"""The costs of `gravity bench scale` over the number of people."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.bench.plots import BLUE, GREEN, RED, drawing, plain
from cli.bench.scale.report import COSTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cli.bench.scale.report import Report

# What shares a panel shares its unit.
_PANELS: Final = {
    "ms": ("p50_ms", "p99_ms", "search_ms"),
    "decks a second": ("decks_per_s",),
    "MB": ("ranker_rss_mb", "release_mb", "redis_mb"),
    "s": ("fill_s", "promote_s"),
}
_COLOURS: Final = (BLUE, RED, GREEN)


def plot(report: "Report", path: Path) -> None:
    """A panel for each unit, a line for each cost, with its exponent. Raises OSError."""
    most = report["rows"][-1]
    figures = (
        f"{most['people']:,} people: deck p50 {most['p50_ms']:.1f} ms, {most['decks_per_s']:,.0f} "
        f"decks a second, ranker {most['ranker_rss_mb']:,.0f} MB, Redis {most['redis_mb']:,.0f} MB"
    )
    with drawing(path, "What grows with the people, and how", figures, (11, 8)) as figure:
        panels = figure.subplots(2, 2, sharex=True).flat
        for axes, (unit, names) in zip(panels, _PANELS.items(), strict=True):
            _panel(axes, report, unit, names)


def _panel(axes: "Axes", report: "Report", unit: str, names: Sequence[str]) -> None:
    rows = report["rows"]
    people = [row["people"] for row in rows]
    for name, colour in zip(names, _COLOURS, strict=False):
        values = [row[name] for row in rows]  # type: ignore[literal-required]
        exponent = report["growth"].get(name)
        grows = "" if exponent is None else f" ∝ people^{exponent:.2f}"
        title = COSTS[name].strip().removesuffix(f", {unit}")
        axes.plot(people, values, "o-", color=colour, label=f"{title}{grows}")
    axes.set(xscale="log", yscale="log", ylabel=unit)
    axes.set_xticks(people, [_short(count) for count in people])
    axes.minorticks_off()
    plain(axes.yaxis)
    axes.legend()


def _short(people: int) -> str:
    """10,000 as 10k, three millions as 3M."""
    if people % 1_000:
        return str(people)
    return f"{people / 1_000_000:g}M" if people >= 1_000_000 else f"{people // 1_000}k"
