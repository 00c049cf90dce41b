"""The check's report as a table for people."""

from rich.console import Console
from rich.table import Table

from cli.check.checkup import Report
from cli.check.intervals import Interval

_MUST = {
    "first_deck_s": "≤ 180",
    "fresh_s": "≤ 300",
    "decks_checked": "≥ 1000",
    "violations": "0",
    "short_decks": "0",
    "missed": "0",
    "deck_recall_at_20": "≥ .99",
    "shift": "above control",
    "duplicate_matches": "0",
    "missing_matches": "0",
    "matches_at_20": "learned ≥ 1.5 × popularity",
}


def print_report(console: Console, report: Report) -> None:
    """One row a measure, with what it must be."""
    table = Table(title="The loop, measured", title_justify="left")
    for column in ("measure", "value", "must be"):
        table.add_column(column)
    for name, value in report.items():
        table.add_row(name, _text(value), _MUST.get(name, ""))
    console.print(table)


def _text(value: object) -> str:
    if isinstance(value, dict):
        if set(value) == set(Interval.__annotations__):
            return f"{value['mean']:+.3f} [{value['low']:+.3f}, {value['high']:+.3f}]"
        return "  ".join(f"{name} {number:g}" for name, number in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
