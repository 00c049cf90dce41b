"""What decks are held against, as the report says it: their floor, and the textbook's path."""

from typing import Final, TypedDict

from rich.console import Console
from rich.table import Table

from cli.bench.deck.floor import FloorParts
from cli.bench.textbook.client import Stages


class Comparison(TypedDict):
    """Beside a deck. `floor_p50_ms`: two empty hops, the raw read of the same rows from Redis and
    the fastest scan over the same eligible rows, together, the median of `floor_viewers`;
    `vs_floor`: p50_ms / floor_p50_ms; `floor_ms`: its parts.

    `textbook_p50_ms`: of `textbook_decks` decks of 20 by FAISS with a filter behind it, Feast's
    SDK, and BentoML with the features as JSON; `vs_textbook`: textbook_p50_ms / p50_ms. Of those
    held against brute force (`textbook_checked`): cards that may not be shown
    (`textbook_violations`), decks with fewer cards than there are people (`textbook_short`).
    """

    floor_viewers: int
    floor_p50_ms: float
    vs_floor: float
    floor_ms: FloorParts
    textbook_decks: int
    textbook_p50_ms: float
    vs_textbook: float
    textbook_ms: Stages
    textbook_checked: int
    textbook_violations: int
    textbook_short: int


_SCANS: Final = {
    "contiguous": "a product over a copy without gaps",
    "contiguous_faiss": "FAISS over that copy",
    "gathered": "a product of rows out of the table",
}


def print_comparison(console: Console, p50_ms: float, found: Comparison) -> None:
    """Medians with what they consist of, and the ratios to a deck's."""
    table = Table(title="Beside a deck, p50", title_justify="left")
    table.add_column("")
    for column in ("ms", "ratio", "target at 1M"):
        table.add_column(column, justify="right")
    table.add_row("a deck", f"{p50_ms:,.2f}", "", "")
    floor, textbook = found["floor_ms"], found["textbook_ms"]
    table.add_row("its floor", f"{found['floor_p50_ms']:,.2f}", f"{found['vs_floor']:,}", "≤ 1.5")
    _add(table, 1, "two empty hops", floor["hops"])
    _add(table, 1, "the rows it reads from Redis", floor["redis"])
    _add(table, 1, "the fastest scan", floor["scan"])
    for name, title in _SCANS.items():
        _add(table, 2, title, floor["scans"][name])
    took, ratio = f"{found['textbook_p50_ms']:,.2f}", f"{found['vs_textbook']:,}"
    table.add_row(f"the textbook's path, {found['textbook_decks']} decks", took, ratio, "≥ 20")
    _add(table, 1, "FAISS, filter, swipes", textbook["search"])
    _add(table, 1, "Feast's SDK", textbook["features"])
    _add(table, 1, "BentoML, features as JSON", textbook["rank"])
    _count(table, "decks of it against brute force", found["textbook_checked"])
    _count(table, "  cards that may not be shown", found["textbook_violations"])
    _count(table, "  decks shorter than need be", found["textbook_short"])
    console.print(table)


def _add(table: Table, depth: int, title: str, ms: float) -> None:
    table.add_row(f"{'  ' * depth}{title}", f"{ms:,.3f}", "", "")


def _count(table: Table, title: str, count: int) -> None:
    table.add_row(title, f"{count:,}", "", "")
