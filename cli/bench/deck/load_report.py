"""The tables of what decks cost under load, for people."""

from rich.console import Console
from rich.table import Table

from cli.bench.deck.load import title
from cli.bench.deck.under_load import UnderLoad


def print_load(console: Console, report: UnderLoad) -> None:
    """Saturation, latencies by step, CPU by program, and where the time of one deck goes."""
    _print_saturation(console, report)
    _print_steps(console, report)
    _print_cpu(console, report)
    _print_stages(console, report)


def _print_saturation(console: Console, report: UnderLoad) -> None:
    table = _table("As many decks as come", "connections", "ranked a second", "fallbacks", "failed")
    for each in report["saturation"]:
        counts = (str(each["fallbacks"]), str(each["failed"]))
        table.add_row(str(each["connections"]), f"{each['decks_per_s']:,.1f}", *counts)
    console.print(table)


def _print_steps(console: Console, report: UnderLoad) -> None:
    names = ("a second", "decks", "p50", "p95", "p99", "fallbacks", "failed")
    table = _table("Latency under load, ms from when a deck was due", "", *names)
    for step in report["load"]:
        table.add_row(
            title(step),
            f"{step['rate']:,.1f}",
            f"{step['decks']:,}",
            *(f"{ms:,.2f}" for ms in (step["p50_ms"], step["p95_ms"], step["p99_ms"])),
            f"{step['fallbacks']:,}",
            f"{step['failed']:,}",
        )
    console.print(table)


def _print_cpu(console: Console, report: UnderLoad) -> None:
    table = _table("CPU at saturation", "", "µs a deck", "share")
    together = sum(report["cpu_us"].values())
    for name, spent in report["cpu_us"].items():
        table.add_row(name, f"{spent:,.0f}", f"{spent / together:.1%}" if together else "")
    console.print(table)


def _print_stages(console: Console, report: UnderLoad) -> None:
    table = _table(f"Where one deck's time goes, from {report['traces']:,} traces", "", "ms")
    for name, took in report["stages_ms"].items():
        table.add_row(name, f"{took:,.2f}")
    table.add_section()
    table.add_row("median deck, not traced", f"{report['untraced_p50_ms']:,.2f}")
    table.add_row("median deck, traced", f"{report['traced_p50_ms']:,.2f}")
    console.print(table)


def _table(name: str, *columns: str) -> Table:
    table = Table(title=name, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    return table
