"""What every plot of a benchmark has: where and how its figures came about, below it."""

import os
import platform
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GIB: Final = 2**30


def save_svg(figure: "Figure", path: Path, figures: str) -> None:
    """Write a figure as SVG; `figures` are a line with its most important numbers, which comes
    below it with the machine's description and the command.

    The same figures give the same bytes. Creates the folder. Raises OSError.
    """
    # Two seconds of import, for those alone who want a plot.
    import matplotlib as mpl

    figure.supxlabel("\n".join((figures, machine(), command())), fontsize=8, color="0.3")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Text as text: a tenth of the size, and to be searched.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "gravity"}):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def machine() -> str:
    """This machine in a line: cores, processor, memory, system."""
    memory = psutil.virtual_memory().total / _GIB
    return (
        f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def command() -> str:
    """The command that runs."""
    return shlex.join(("gravity", *sys.argv[1:]))


def _processor() -> str:
    """Its model where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or "an unnamed processor"
