"""What `gravity bench deck` says: one JSON object, or a table for people."""

from typing import Final

from rich.console import Console
from rich.table import Table

from cli.bench.deck.beside import Comparison, print_comparison
from cli.bench.deck.load_report import print_load
from cli.bench.deck.memory import Memory
from cli.bench.deck.under_load import UnderLoad


class Report(Comparison, UnderLoad):
    """Latencies in ms, from the request to the last byte of the deck; one client, which sends its
    next request when it has its answer.

    `fallbacks`: decks that the ranker did not rank.
    `violations`: cards, in the decks of `decks_checked` viewers, that the brute force does not
    allow; `missed`: people whom it allows and the index does not find, of `index_checked` viewers;
    `deck_recall_at_20`: the share of the 20 best of all whom it allows that are retrieved, of the
    same viewers. `densest…`: of the tenth of viewers with the most people within 50 km, `widest…`:
    of those with a limit of 500 km; None where none of them was asked for.
    `ranker_rss_mb`: BentoML's parent and worker together. `load_average`: the machine's, before and
    after the load. `…_s`: what the way there took.
    """

    people: int
    viewers: int
    decks: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    densest_p50_ms: float | None
    widest_p50_ms: float | None
    fallbacks: int
    decks_checked: int
    violations: int
    index_checked: int
    missed: int
    deck_recall_at_20: float
    ranker_rss_mb: float
    memory: dict[str, Memory]
    source_s: float
    population_s: float
    fill_s: float
    promote_s: float
    load_average: tuple[float, float]


_TITLES: Final = {
    "people": ("people", ""),
    "decks": ("decks of 20, one client", ""),
    "p50_ms": ("  p50, ms", "≤ 10"),
    "p95_ms": ("  p95, ms", ""),
    "p99_ms": ("  p99, ms", "≤ 30"),
    "densest_p50_ms": ("  p50, densest tenth, ms", ""),
    "widest_p50_ms": ("  p50, limit of 500 km, ms", ""),
    "fallbacks": ("  dealt without the ranker", "0"),
    "decks_per_s": ("ranked decks a second, saturated", ""),
    "failed": ("failed under any load", "0"),
    "decks_checked": ("decks against brute force", ""),
    "violations": ("  cards that may not be shown", "0"),
    "index_checked": ("viewers asked of the index", ""),
    "missed": ("  eligible people missed", "0"),
    "deck_recall_at_20": ("  share of the 20 best retrieved", "≥ 0.95"),
    "ranker_rss_mb": ("memory of the ranker, MB", "≤ 1,500"),
    "source_s": ("learning or opening the source, s", ""),
    "population_s": ("drawing people and release, s", ""),
    "fill_s": ("filling Redis, s", ""),
    "promote_s": ("promoting the release, s", ""),
    "load_average": ("load average before and after", "≤ 2"),
}


def print_report(console: Console, report: Report) -> None:
    """Figures with what they should be, then what decks are held against, load and memory."""
    table = Table(title="Decks", title_justify="left")
    for column in ("", "measured", "target at 1M"):
        table.add_column(column, justify="left" if not column else "right")
    for name, (title, wanted) in _TITLES.items():
        table.add_row(title, _text(report[name]), wanted)  # type: ignore[literal-required]
    console.print(table)
    print_comparison(console, report["p50_ms"], report)
    print_load(console, report)
    _print_memory(console, report)


def _print_memory(console: Console, report: Report) -> None:
    table = Table(title="Memory, MB", title_justify="left")
    for column in ("", "processes", "RSS", "PSS"):
        table.add_column(column, justify="left" if not column else "right")
    for name, used in report["memory"].items():
        sizes = (f"{used['rss_mb']:,.0f}", f"{used['pss_mb']:,.0f}")
        table.add_row(name, str(used["processes"]), *sizes)
    console.print(table)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "  ".join(map(str, value))
    return "" if value is None else f"{value:,}"
