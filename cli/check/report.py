"""The check's report as a table for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from cli.check.checkup import Report
from cli.check.intervals import Interval
from cli.check.quality import MatchesAt20


@dataclass(frozen=True, slots=True)
class _Must:
    """What a measure must be, in words and as a question."""

    words: str
    holds: Callable[[Report], bool]


_MUST: Final[Mapping[str, _Must]] = {
    "first_deck_s": _Must("≤ 180", lambda r: r["first_deck_s"] <= 180),
    "fresh_s": _Must("≤ 300", lambda r: r["fresh_s"] is not None and r["fresh_s"] <= 300),
    "decks_checked": _Must("≥ 1000", lambda r: r["decks_checked"] >= 1000),
    "violations": _Must("0", lambda r: r["violations"] == 0),
    "short_decks": _Must("0", lambda r: r["short_decks"] == 0),
    "missed": _Must("0", lambda r: r["missed"] == 0),
    "deck_recall_at_20": _Must("≥ .99", lambda r: r["deck_recall_at_20"] >= 0.99),
    "shift": _Must("above control", lambda r: _above(r["shift"], r["control_shift"])),
    "duplicate_matches": _Must("0", lambda r: r["duplicate_matches"] == 0),
    "missing_matches": _Must("0", lambda r: r["missing_matches"] == 0),
    "matches_at_20": _Must(
        "learned ≥ 1.5 × popularity, surely more", lambda r: _ahead(r["matches_at_20"])
    ),
}


def print_report(console: Console, report: Report) -> None:
    """One row a measure, with what it must be and whether it is."""
    table = Table(title="The loop, measured", title_justify="left")
    for column in ("measure", "value", "must be", ""):
        table.add_column(column)
    for name, value in report.items():
        must = _MUST.get(name)
        if must is None:
            table.add_row(name, _text(value), "", "")
        else:
            mark = "[green]✓[/]" if must.holds(report) else "[red]✗[/]"
            table.add_row(name, _text(value), must.words, mark)
    console.print(table)


def _above(shift: Interval | None, control: Interval | None) -> bool:
    return shift is not None and control is not None and shift["low"] > control["high"]


def _ahead(matches: MatchesAt20) -> bool:
    return matches["learned"] >= 1.5 * matches["popularity"] and matches["ratio_low"] > 1


def _text(value: object) -> str:
    if isinstance(value, dict):
        if set(value) == set(Interval.__annotations__):
            return f"{value['mean']:+.3f} [{value['low']:+.3f}, {value['high']:+.3f}]"
        return "  ".join(f"{name} {number:g}" for name, number in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
