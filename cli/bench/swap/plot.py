"""Decks and memory while a release is swapped and swapped back, over time."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cli.bench.plots import BLUE, GREEN, GREY, PURPLE, RED, drawing, plain
from cli.bench.swap.report import RSS_BOUND_MB

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

    from cli.bench.swap.report import Report
    from cli.bench.swap.timeline import Second


def plot(report: "Report", path: Path) -> None:
    """Latencies above, the ranker's memory below; commands and swaps shaded. Raises OSError."""
    title = f"A release swapped and swapped back, {report['people']:,} people"
    spans, seconds = report["spans_s"], report["timeline"]
    with drawing(path, title, _figures(report), (12, 6)) as figure:
        decks, memory = figure.subplots(2, sharex=True, height_ratios=(3, 1))
        _latencies(decks, seconds)
        _memory(memory, seconds)
        handles = [*decks.get_lines(), *memory.get_lines(), *_shade(decks, spans)]
        _shade(memory, spans)
        _name(decks, spans["promote"][0], "gravity release promote", "left")
        # To the left of its end, as the legend is not far to the right.
        _name(decks, spans["rollback"][1], "gravity release rollback", "right")
        figure.legend(handles=handles, loc="outside right upper")


def _shade(axes: "Axes", spans: "dict[str, tuple[float, float]]") -> "list[Patch]":
    """One of each kind, for the legend."""
    commands = [
        axes.axvspan(*spans[name], color="0.93", zorder=0, label="a command")
        for name in ("promote", "rollback")
    ]
    swaps = [
        axes.axvspan(*spans[name], color=BLUE, alpha=0.25, linewidth=0, zorder=0, label="its swap")
        for name in ("swap", "swap_back")
    ]
    return [commands[0], swaps[0]]


def _name(axes: "Axes", at: float, words: str, side: Literal["left", "right"]) -> None:
    """Above the panel, where no line runs through."""
    axes.annotate(
        words,
        (at, 1.0),
        (0, 4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha=side,
        fontsize=8,
        color="0.3",
    )


def _latencies(axes: "Axes", seconds: "Sequence[Second]") -> None:
    at, median = _times(seconds), np.array([each["p50_ms"] for each in seconds], np.float64)
    slowest = np.array([each["max_ms"] for each in seconds], np.float64)
    unranked = np.array([each["unranked"] > 0 for each in seconds])
    axes.plot(at, slowest, color=GREY, label="slowest deck\nof a second")
    axes.plot(at, median, color=GREEN, label="median of a second")
    if unranked.any():
        words = "with decks that the\nranker did not rank"
        axes.plot(at[unranked], slowest[unranked], "x", color=RED, label=words)
    axes.set(yscale="log", ylabel="ms from when a deck was due")
    plain(axes.yaxis)


def _memory(axes: "Axes", seconds: "Sequence[Second]") -> None:
    held = np.array([each["ranker_rss_mb"] for each in seconds], np.float64)
    axes.plot(_times(seconds), held, color=PURPLE, label="memory of the ranker")
    bound = f"its bound, {RSS_BOUND_MB:,} MB"
    axes.axhline(RSS_BOUND_MB, color="0.5", linestyle=":", linewidth=1, label=bound)
    axes.set(ylabel="MB", xlabel="seconds", ylim=(0, None))


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
