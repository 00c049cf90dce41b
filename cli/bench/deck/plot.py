"""Latencies of decks by load, and where the time of one goes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from cli.bench.deck.load import BUCKET, Step, title
from cli.bench.plots import BLUE, GREEN, PURPLE, RED, drawing, marked, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cli.bench.deck.report import Report

_COLOURS: Final = (GREEN, BLUE, PURPLE, RED)
_PERCENTILES: Final = ("p50_ms", "p95_ms", "p99_ms")


def plot(report: "Report", path: Path) -> None:
    """A histogram, percentiles and the stages. Raises OSError."""
    title = f"Decks of 20 out of {report['people']:,} people"
    with drawing(path, title, _figures(report), (11, 8)) as figure:
        # The stages have the width of both others.
        panels = figure.subplot_mosaic([["histogram", "percentiles"], ["stages", "stages"]])
        _histogram(panels["histogram"], report["load"])
        marked(panels["histogram"], report["floor_p50_ms"], "floor, p50")
        marked(panels["histogram"], report["textbook_p50_ms"], "textbook's path, p50")
        _percentiles(panels["percentiles"], report["load"])
        _stages(panels["stages"], report["stages_ms"])


def _histogram(axes: "Axes", steps: Sequence[Step]) -> None:
    """The share of each step's decks in each bucket."""
    for step, colour in zip(steps, _COLOURS, strict=True):
        uppers = np.array([upper for upper, _ in step["histogram"]])
        counts = np.array([count for _, count in step["histogram"]])
        shares = counts / counts.sum()
        axes.bar(
            uppers / BUCKET,
            shares,
            uppers - uppers / BUCKET,
            align="edge",
            color=colour,
            alpha=0.45,
            label=title(step),
        )
    axes.set(xscale="log", xlabel="ms, buckets of 5%", ylabel="share of decks")
    plain(axes.xaxis)
    axes.legend()


def _percentiles(axes: "Axes", steps: Sequence[Step]) -> None:
    width = 0.8 / len(steps)
    for place, (step, colour) in enumerate(zip(steps, _COLOURS, strict=True)):
        at = np.arange(len(_PERCENTILES)) + (place - (len(steps) - 1) / 2) * width
        heights = [step["p50_ms"], step["p95_ms"], step["p99_ms"]]
        bars = axes.bar(at, heights, width, color=colour, label=title(step))
        axes.bar_label(bars, fmt="{:.3g}", fontsize=7)
    axes.set(yscale="log", ylabel="ms")
    axes.grid(axis="x", visible=False)
    plain(axes.yaxis)
    axes.set_xticks(range(len(_PERCENTILES)), [name.removesuffix("_ms") for name in _PERCENTILES])


def _stages(axes: "Axes", stages_ms: dict[str, float]) -> None:
    """A bar each, from where the one before it ends."""
    lasts = np.array(list(stages_ms.values()))
    ends = np.cumsum(lasts)
    bars = axes.barh(list(stages_ms), lasts, left=ends - lasts, color=GREEN)
    axes.bar_label(bars, fmt="{:.2f}", fontsize=7, padding=2)
    axes.set(xlabel="ms of the median deck, one client, from its traces", xmargin=0.05)
    axes.grid(axis="y", visible=False)
    axes.invert_yaxis()


def _figures(report: "Report") -> str:
    one = report["load"][0]
    latencies = ", ".join(f"{name.removesuffix('_ms')} {one[name]:.1f}" for name in _PERCENTILES)
    return (
        f"one client: {latencies} ms; floor {report['floor_p50_ms']:.1f}, textbook's path "
        f"{report['textbook_p50_ms']:.1f} ms; saturated, with the generator on the same cores: "
        f"{report['decks_per_s']:,.0f} decks a second; load average {report['load_average'][0]}"
    )
