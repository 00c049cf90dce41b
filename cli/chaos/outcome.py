"""What a chaos run came to: one object for machines, one table for people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed came to; the names are those of the report."""

    acknowledged: int
    kills: int
    killed: dict[str, int]
    lost: int
    duplicated: int
    matches: int
    matches_missed: int
    matches_doubled: int
    limit_exceeded: int
    seen_again: int
    read_side_differences: int
    feature_count_differences: int
    redelivered: int
    rewinds: int
    parted: int
    unsure: int
    requests: int
    failed_requests: int
    seconds: float

    @property
    def broken(self) -> int:
        """How often any promise was broken."""
        return sum(int(getattr(self, name)) for name in PROMISES)


PROMISES: Final = {
    "lost": "acknowledged swipes and rewinds that do not stand",
    "duplicated": "swipes that nobody made, or told twice",
    "matches_missed": "mutual likes without their one match",
    "matches_doubled": "two ids for one match, or a match of nobody",
    "limit_exceeded": "people beyond their day's limit",
    "seen_again": "cards of somebody swiped, blocked or unmatched",
    "read_side_differences": "Redis against Postgres",
    "feature_count_differences": "counts in Redis against a recount of the lake",
}
"""The measures that must be 0, and what each counts."""


def report(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """All seeds together: sums, and `killed` by process."""
    killed: Counter[str] = Counter()
    for outcome in outcomes:
        killed.update(outcome.killed)
    names = [field.name for field in fields(Outcome) if field.name != "killed"]
    sums = {name: sum(getattr(outcome, name) for outcome in outcomes) for name in names}
    sums["seconds"] = round(sums["seconds"], 1)
    return {"seeds": len(outcomes), **sums, "killed": dict(sorted(killed.items()))}


def print_report(console: Console, outcomes: Sequence[Outcome]) -> None:
    """One row a measure, with what it must be and whether it is."""
    table = Table(title="Swipes under kill -9", title_justify="left")
    for column in ("measure", "value", "must be", "", "what it counts"):
        table.add_column(column)
    for name, value in report(outcomes).items():
        if name in PROMISES:
            mark = "[red]✗[/]" if value else "[green]✓[/]"
            table.add_row(name, f"{value:,}", "0", mark, PROMISES[name])
        elif isinstance(value, dict):
            table.add_row(name, "  ".join(f"{key} {count}" for key, count in value.items()))
        else:
            table.add_row(name, f"{value:,}")
    console.print(table)
