"""Decks and memory while a release is swapped and swapped back, over time."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from cli.bench.plots import BLUE, GREEN, GREY, PURPLE, RED, drawing, plain
from cli.bench.swap.report import RSS_BOUND_MB

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes

    from cli.bench.swap.report import Report
    from cli.bench.swap.timeline import Second

_COMMANDS: Final = {"promote": "gravity release promote", "rollback": "gravity release rollback"}
_SWAPS: Final = ("swap", "swap_back")


def plot(report: "Report", path: Path) -> None:
    """Latencies above, the ranker's memory below; commands and swaps shaded. Raises OSError."""
    title = f"A release swapped and swapped back, {report['people']:,} people"
    with drawing(path, title, _figures(report), (11, 6)) as figure:
        decks, memory = figure.subplots(2, sharex=True, height_ratios=(3, 1))
        for axes in (decks, memory):
            _shade(axes, report["spans_s"])
        _name(decks, report["spans_s"])
        _latencies(decks, report["timeline"])
        _memory(memory, report["timeline"])


def _shade(axes: "Axes", spans: "dict[str, tuple[float, float]]") -> None:
    for name in _COMMANDS:
        axes.axvspan(*spans[name], color="0.93", zorder=0)
    for name in _SWAPS:
        axes.axvspan(*spans[name], color=BLUE, alpha=0.25, linewidth=0, zorder=0)


def _name(axes: "Axes", spans: "dict[str, tuple[float, float]]") -> None:
    """Above the panel, where no line runs through."""
    for name, words in _COMMANDS.items():
        start, _ = spans[name]
        axes.annotate(
            words,
            (start, 1.0),
            (0, 4),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=8,
            color="0.3",
        )


def _latencies(axes: "Axes", seconds: "Sequence[Second]") -> None:
    at, median = _times(seconds), np.array([each["p50_ms"] for each in seconds], np.float64)
    slowest = np.array([each["max_ms"] for each in seconds], np.float64)
    unranked = np.array([each["unranked"] > 0 for each in seconds])
    axes.plot(at, slowest, color=GREY, label="slowest deck of a second")
    axes.plot(at, median, color=GREEN, label="median of a second")
    if unranked.any():
        words = "one that the ranker did not rank"
        axes.plot(at[unranked], slowest[unranked], "x", color=RED, label=words)
    axes.set(yscale="log", ylabel="ms from when a deck was due")
    plain(axes.yaxis)
    axes.legend(loc="upper right")


def _memory(axes: "Axes", seconds: "Sequence[Second]") -> None:
    held = np.array([each["ranker_rss_mb"] for each in seconds], np.float64)
    axes.plot(_times(seconds), held, color=PURPLE)
    axes.axhline(RSS_BOUND_MB, color="0.5", linestyle=":", linewidth=1)
    axes.set(ylabel="ranker, MB", xlabel="seconds", ylim=(0, None))


def _times(seconds: "Sequence[Second]") -> "npt.NDArray[np.float64]":
    """The middle of each; what is None there leaves a gap in a line."""
    return np.array([each["at_s"] for each in seconds]) + 0.5


def _figures(report: "Report") -> str:
    return (
        f"swap {report['promote_s']:.2f} s, back {report['rollback_s']:.2f} s; of "
        f"{report['decks']:,} decks failed {report['failed']}, of two releases {report['mixed']}; "
        f"of {report['swipes']:,} swipes forgotten {report['swipes_forgotten']}; ranker at most "
        f"{report['ranker_rss_mb_peak']:,.0f} MB; load average {report['load_average'][0]}"
    )
