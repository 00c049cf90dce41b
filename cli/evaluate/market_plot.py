"""Matches of every method, against how much all agree and against envy."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.bench.plots import BLUE, BROWN, GREEN, GREY, PURPLE, RED, drawing
from cli.evaluate.kept import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS: Final = {
    "naive": GREY,
    "reciprocal": BROWN,
    "tu-matching": PURPLE,
    "gravity-exact": GREEN,
    "gravity-nash": RED,
    "gravity-table": BLUE,
    "gravity-single-price": "#92c5de",
    "table, as served": "#c51b7d",
}
_SU: Final = "su-"
_MUTUAL: Final = "tomita-yokoyama"
_LIFT: Final = {"gravity-table": -11, "gravity-single-price": 4}
"""Points by which a name stands above the middle of its mark, where another is in its way."""


def draw_market(rows: Sequence[Row], path: Path) -> None:
    """On the left above: matches by agreement; below, what each has of the exact method's; on the
    right: matches and envies where both sides get lists. Crosses are published."""
    with drawing(path, "Matches of a market by how it is ranked", _FIGURES, (12.0, 6.4)) as figure:
        grid = figure.add_gridspec(2, 2, width_ratios=(1.0, 1.1))
        _agreement(figure.add_subplot(grid[0, 0]), _series(rows))
        _shares(figure.add_subplot(grid[1, 0]), _series(rows))
        _envy(figure.add_subplot(grid[:, 1]), [r for r in rows if r["task"] == _MUTUAL])


_FIGURES: Final = (
    "left: Su, Bayoumi and Joachims, 150 candidates and 100 jobs; right: Tomita and Yokoyama, 30 "
    "and 20; x: published by them"
)

Series = dict[str, list[tuple[float, float, float | None]]]


def _series(rows: Sequence[Row]) -> Series:
    """(agreement, matches, published) of each method of Su's market."""
    series: Series = {}
    for row in rows:
        if row["task"].startswith(_SU) and row["value"] is not None:
            point = (float(row["task"].removeprefix(_SU)), row["value"], row["reference"])
            series.setdefault(row["method"], []).append(point)
    return {name: sorted(points) for name, points in series.items()}


def _agreement(axes: "Axes", series: Series) -> None:
    for name, points in series.items():
        x, y = [p[0] for p in points], [p[1] for p in points]
        axes.plot(x, y, marker="o", markersize=3, color=_COLOURS[name], label=name)
        published = [(at, reference) for at, _, reference in points if reference is not None]
        if published:
            axes.plot(*zip(*published, strict=True), "x", color="0.2", label="published")
    axes.set_ylabel("expected matches")
    axes.set_ylim(bottom=0)
    axes.legend(ncols=2)


def _shares(axes: "Axes", series: Series) -> None:
    """The ones near the exact method, as shares of it."""
    best = {at: value for at, value, _ in series.get("gravity-exact", [])}
    near = {
        name: [(at, value / best[at], ref and ref / best[at]) for at, value, ref in points if best]
        for name, points in series.items()
        if name not in ("naive", "reciprocal", "tu-matching")
    }
    for name, points in near.items():
        x, y = [p[0] for p in points], [p[1] for p in points]
        axes.plot(x, y, marker="o", markersize=3, color=_COLOURS[name])
        published = [(at, share) for at, _, share in points if share is not None]
        if published:
            axes.plot(*zip(*published, strict=True), "x", color="0.2")
    axes.set_ylabel("share of gravity-exact")
    axes.set_xlabel("how much all agree (λ)")


def _envy(axes: "Axes", rows: Sequence[Row]) -> None:
    of = {(row["method"], row["measure"]): row for row in rows}
    for method in dict.fromkeys(row["method"] for row in rows):
        matches, envies = of[method, "matches"], of[method, "envies"]
        x, y = envies["value"] or 0.0, matches["value"] or 0.0
        axes.plot(x, y, "o", color=_COLOURS[method])
        beside = (7, _LIFT.get(method, -3))
        axes.annotate(method, (x, y), beside, textcoords="offset points", fontsize=8)
        if matches["reference"] is not None and envies["reference"] is not None:
            axes.plot(envies["reference"], matches["reference"], "x", color="0.2")
    axes.set_xscale("symlog", linthresh=10)
    axes.set_xlim(left=-1, right=3_000)
    axes.get_xaxis().set_major_formatter("{x:g}")
    axes.set_xlabel("pairs of whom one envies the other (both sides)")
    axes.set_ylabel("expected matches")
