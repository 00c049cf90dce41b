"""How soon what happened shows: the distributions of `gravity bench freshness`."""

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Final

import numpy as np

from cli.bench.freshness.report import KINDS, TARGET_S, Delay, delays
from cli.bench.plots import BLUE, GREEN, PURPLE, RED, drawing, marked, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cli.bench.freshness.report import Report

_COLOURS: Final = (BLUE, GREEN, PURPLE, RED)
_WIDTH: Final = 26


def plot(report: "Report", path: Path) -> None:
    """A cumulative curve for each kind; its p50 and p99 marked. Raises OSError."""
    title = f"From the acknowledgement to the effect, {report['people']:,} people"
    with drawing(path, title, _figures(report), (11, 5)) as figure:
        axes = figure.subplots()
        for (kind, delay), colour in zip(delays(report), _COLOURS, strict=True):
            _curve(axes, KINDS[kind], delay, colour)
        marked(axes, TARGET_S, "target: 99% by here")
        axes.set(xscale="log", xlabel="seconds", ylabel="share that shows", ylim=(0, 1.03))
        axes.yaxis.set_major_formatter("{x:.0%}")
        plain(axes.xaxis)
        figure.legend(loc="outside right upper", labelspacing=1.2)


def _curve(axes: "Axes", words: str, delay: Delay, colour: str) -> None:
    """Nothing where it did not happen."""
    at = delay["quantiles_s"]
    if not at:
        return
    label = f"{fill(words, _WIDTH)}\np50 {at[50]:.3f}, p99 {at[99]:.3f} s"
    axes.plot(at, np.linspace(0, 1, len(at)), color=colour, label=label)
    axes.plot((at[50], at[99]), (0.5, 0.99), "o", color=colour, markersize=5)


def _figures(report: "Report") -> str:
    return (
        f"beside {report['background_per_s']:g} swipes a second of others; served after a swipe, "
        f"block or ban: {report['served_after_ack']} in {report['decks_checked']:,} decks; "
        f"load average {report['load_average'][0]}"
    )
