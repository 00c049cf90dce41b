"""What the plots of all benchmarks share: the option, the style, and below each plot where and how
its figures came about."""

import os
import platform
import shlex
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


def _to_be_written(path: Path | None) -> Path | None:
    """Said before the measuring, not after it."""
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"{path.parent}: {error.strerror}") from None
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise typer.BadParameter(f"{path} may not be written")
    return path


SvgFile = Annotated[
    Path | None,
    typer.Option(
        "--svg",
        dir_okay=False,
        callback=_to_be_written,
        help="Draw a plot of it into this file, as SVG.",
    ),
]

GREEN: Final = "#1b7837"
BLUE: Final = "#2166ac"
PURPLE: Final = "#762a83"
RED: Final = "#d6604d"
BROWN: Final = "#b35806"
GREY: Final = "#999999"

_GIB: Final = 2**30
_SMALL: Final = 8
_CHARACTERS_PER_INCH: Final = 16.5
"""Of the small size, a little fewer than fit."""

# Any: matplotlib's own type lists every setting by name.
_STYLE: Final[Any] = {
    # Text as text: a tenth of the size, and to be searched.
    "svg.fonttype": "none",
    "svg.hashsalt": "gravity",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "0.5",
    "grid.color": "0.92",
    "xtick.color": "0.3",
    "ytick.color": "0.3",
    "xtick.labelsize": _SMALL,
    "ytick.labelsize": _SMALL,
    "legend.fontsize": _SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
}


@contextmanager
def drawing(path: Path, title: str, figures: str, size: tuple[float, float]) -> "Iterator[Figure]":
    """Gives a figure of `size` inches to draw on, which is then written as SVG.

    `figures`, a line with its most important numbers, comes below it with the machine's description
    and the command. The same figures give the same bytes. Creates the folder. Raises OSError.
    """
    # Two seconds of import, for those alone who want a plot.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        figure.suptitle(title, fontsize=11)
        lines = (_wrapped(line, size[0]) for line in (figures, machine(), command()))
        figure.supxlabel("\n".join(lines), fontsize=_SMALL, color="0.3")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def plain(axis: "Axis") -> None:
    """2, 5, 10 … on a logarithmic axis instead of powers."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def marked(axes: "Axes", at: float, words: str) -> None:
    """A dotted line down a panel, with what it stands for to the left of it."""
    axes.axvline(at, color="0.5", linestyle=":")
    axes.annotate(
        words,
        (at, 1.0),
        (-4, -2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="top",
        fontsize=_SMALL,
        color="0.3",
    )


def machine() -> str:
    """This machine in a line: cores, processor, memory, system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    return (
        f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def command() -> str:
    """The command that runs."""
    return shlex.join(("gravity", *sys.argv[1:]))


def _wrapped(line: str, inches: float) -> str:
    """Options are not broken at their hyphens."""
    width = int(inches * _CHARACTERS_PER_INCH)
    return "\n".join(textwrap.wrap(line, width, break_on_hyphens=False))


def _processor() -> str:
    """Its model where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or "an unnamed processor"
