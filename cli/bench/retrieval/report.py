"""What `gravity bench retrieval` says: rows, and a table of them."""

from collections.abc import Sequence, Set
from itertools import groupby
from typing import Final, TypedDict

from rich.console import Console
from rich.table import Table

EXACT: Final = "faiss-exact"
SERVED: Final = frozenset({EXACT})
"""The engines that serving has."""

BUDGET_MS: Final = 8.0
LEAST_RECALL: Final = 0.98


class Row(TypedDict):
    """One engine, asked for the 100 best of a share (`selectivity`) of all people.

    `recall_at_100`: of the min(100, eligible) best, found; `worst_group…`: of the group of viewers
    for which that is lowest. `used`: whether serving searches so there.
    """

    engine: str
    people: int
    selectivity: float
    p50_ms: float
    p99_ms: float
    recall_at_100: float
    worst_group_recall_at_100: float
    used: bool


def with_used(cell: Sequence[Row], served: Set[str] = SERVED) -> list[Row]:
    """The engines of one cell of the grid; of those that serving has, one is marked as used."""
    used = _used(cell, served)
    return [{**row, "used": row["engine"] == used} for row in cell]


def good(row: Row) -> bool:
    """Whether the engine finds enough there to be used, for every group of viewers."""
    return min(row["recall_at_100"], row["worst_group_recall_at_100"]) >= LEAST_RECALL


def _used(cell: Sequence[Row], served: Set[str]) -> str:
    """Exact, unless that takes too long and something good that serving has is faster."""
    exact = next(row for row in cell if row["engine"] == EXACT)
    if exact["p50_ms"] <= BUDGET_MS:
        return EXACT
    choice = [row for row in cell if row["engine"] in served and good(row)]
    return min((exact, *choice), key=lambda row: row["p50_ms"])["engine"]


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """A line a row, a section a cell of the grid; a dot marks what serving uses."""
    table = Table(title="Retrieval of the 100 best, ms", title_justify="left")
    for column in ("people", "eligible", "engine", "p50", "p99", "recall", "worst", "used"):
        table.add_column(column, justify="left" if column == "engine" else "right")
    for (people, share), cell in groupby(rows, lambda row: (row["people"], row["selectivity"])):
        table.add_section()
        for number, row in enumerate(cell):
            where = (f"{people:,}", f"{100 * share:g}%") if number == 0 else ("", "")
            table.add_row(
                *where,
                row["engine"],
                f"{row['p50_ms']:.2f}",
                f"{row['p99_ms']:.2f}",
                f"{row['recall_at_100']:.3f}",
                f"{row['worst_group_recall_at_100']:.3f}",
                "•" if row["used"] else "",
            )
    console.print(table)
    console.print(
        f"target: p50 of what is used ≤ {BUDGET_MS:g} ms up to 1% of 1,000,000; who isn't exact is"
        f" used only with a recall ≥ {LEAST_RECALL:g}, of every group"
    )
